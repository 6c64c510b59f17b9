"""Which app answers under which path."""

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import include, path
from django.views.generic import RedirectView

from config.api import api_urls


@login_not_required
def healthz(request: HttpRequest) -> HttpResponse:
    """For load balancers: answers when the application and its database do."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return HttpResponse("ok\n", content_type="text/plain")


@login_not_required
def not_offered(request: HttpRequest, **captured: str) -> HttpResponse:
    """What the accounts' package can do and Sendable does not offer: admins give accounts and their addresses."""
    raise Http404


urlpatterns = [
    path("healthz", healthz, name="healthz"),
    path("accounts/", RedirectView.as_view(pattern_name="account_change_password"), name="account"),
    path("accounts/email/", not_offered),
    path("accounts/confirm-email/", not_offered),
    path("accounts/confirm-email/<str:key>/", not_offered),
    path("accounts/login/code/confirm/", not_offered),
    path("accounts/", include("allauth.urls")),
    path("api/v1/", include((api_urls(), "api"))),
    path("", include("contacts.urls")),
    path("", include("consent.urls")),
]
if settings.DEBUG:
    from contacts.views.patterns import patterns

    urlpatterns += [path("patterns/", patterns, name="patterns")]
