"""The sender's colour and logo on the public pages. The same for everybody, so caches keep them for an hour."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from consent.models import Centre

LOGO_TYPES = ("image/png", "image/jpeg", "image/webp", "image/gif", "image/svg+xml")


@login_not_required
@require_safe
def theme(request: HttpRequest, project_slug: str) -> HttpResponse:
    """A stylesheet that says the colour; an empty one of who has none, so that nobody learns which projects exist."""
    centre = Centre.objects.filter(project__slug=project_slug).only("colour").first()
    colour = centre.colour if centre else ""
    text = f":root {{ --sender: {colour}; }}\n" if colour else ""
    return _kept(HttpResponse(text, content_type="text/css; charset=utf-8"))


@login_not_required
@require_safe
def logo(request: HttpRequest, project_slug: str) -> HttpResponse:
    """The logo as it was uploaded. A picture that holds a script (SVG) may run none."""
    centre = Centre.objects.filter(project__slug=project_slug).only("logo", "logo_type").first()
    if centre is None or not centre.logo or centre.logo_type not in LOGO_TYPES:
        raise Http404
    response = _kept(HttpResponse(bytes(centre.logo), content_type=centre.logo_type))
    response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    return response


def _kept(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "public, max-age=3600"
    return response
