"""The register's pages, grouped under their prefixes."""

from django.urls import URLPattern

app_name = "contacts"

urlpatterns: list[URLPattern] = []
