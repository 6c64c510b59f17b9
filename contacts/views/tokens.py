"""Tokens of the web service, for admins: making one, whose text is shown once, and revoking it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from contacts.access import ADMINISTER, Access, access_for
from contacts.errors import RegisterError
from contacts.forms.tokens import TokenForm
from contacts.models import ApiToken
from contacts.selectors.keyset import page_of
from contacts.selectors.tokens import in_words
from contacts.services.tokens import create_token, revoke_token
from contacts.views.recent_login import confirm_url, logged_in_recently
from contacts.views.rendering import project_page
from contacts.vocabulary import ApiScope

SECTION = "settings"
MADE = "api_tokens_made"
REMEMBERED = 20
REFUSED = 403
GRAVE = frozenset({ApiScope.ERASE, ApiScope.AUTHORIZE})


@require_safe
def api_tokens(request: HttpRequest, project_slug: str) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    tokens = ApiToken.objects.filter(project=access.project)
    page = page_of(tokens, order=("-created_at", "-id"), cursor=request.GET.get("tokens", ""))
    context = {"page": page, "tokens": [in_words(token, timezone.now()) for token in page.rows]}
    return project_page(request, access, "contacts/tokens.html", context, section=SECTION)


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_add(request: HttpRequest, project_slug: str) -> HttpResponse:
    """Make a token. The answer shows its text, the only time: a redirect could not, without keeping it somewhere.

    One that may delete for good, or lift what contacts decided, asks for a recent log-in.
    """
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    form = TokenForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        if _is_made_already(request, form):
            messages.warning(request, _("This token was made already, and its text is shown only once."))
            return redirect("contacts:api_tokens", project_slug)
        if GRAVE & set(form.cleaned_data["scopes"]) and not logged_in_recently(request):
            asked = {"form": form, "confirm_url": confirm_url(request)}
            return project_page(request, access, "contacts/token_form.html", asked, section=SECTION, status=REFUSED)
        try:
            token, text = create_token(
                access.project, name=form.cleaned_data["name"], scopes=form.cleaned_data["scopes"],
                expires_at=form.expires_at, by=access.user,
            )  # fmt: skip
        except RegisterError as error:
            form.refuse(error)
        else:
            _remember(request, form)
            context: dict[str, Any] = {"token": in_words(token, timezone.now()), "text": text}
            return project_page(request, access, "contacts/token_made.html", context, section=SECTION)
    return project_page(request, access, "contacts/token_form.html", {"form": form}, section=SECTION)


@require_http_methods(["GET", "HEAD", "POST"])
def api_token_revoke(request: HttpRequest, project_slug: str, token_id: int) -> HttpResponse:
    access = access_for(request.user, project_slug, needs=ADMINISTER)
    token = _token(access, token_id)
    if request.method == "POST":
        if revoke_token(token):
            messages.success(request, _("The token is revoked. It opens nothing any more."))
        return redirect("contacts:api_tokens", project_slug)
    context = {"token": in_words(token, timezone.now())}
    return project_page(request, access, "contacts/token_revoke.html", context, section=SECTION)


def _is_made_already(request: HttpRequest, form: TokenForm) -> bool:
    return str(form.request_number) in request.session.get(MADE, [])


def _remember(request: HttpRequest, form: TokenForm) -> None:
    """Know the same form when it is sent again, as going back and forth does; nothing of the token is kept."""
    before = request.session.get(MADE, [])
    request.session[MADE] = [*before, str(form.request_number)][-REMEMBERED:]


def _token(access: Access, token_id: int) -> ApiToken:
    tokens = ApiToken.objects.filter(project=access.project, pk=token_id)
    token = tokens.first() if token_id < 2**63 else None
    if token is None:
        raise Http404
    return token
