"""Which app answers under which path."""

from django.urls import include, path

urlpatterns = [
    path("accounts/", include("allauth.urls")),
    path("", include("contacts.urls")),
]
