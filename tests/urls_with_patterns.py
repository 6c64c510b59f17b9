"""The addresses of development, where the page of patterns is among them."""

from django.urls import path

from config.urls import urlpatterns as of_production
from contacts.views.patterns import patterns

urlpatterns = [*of_production, path("patterns/", patterns, name="patterns")]
