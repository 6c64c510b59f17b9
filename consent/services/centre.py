"""How a project's public pages look and what they say."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from consent.models import Centre
from contacts.errors import RegisterError
from contacts.models import Project

LARGEST_LOGO = 20_000


class LogoRefused(RegisterError):
    code = "logo_refused"
    message = _("This file is not a picture that browsers show.")
    remedy = _("Choose a PNG, JPEG, WebP or GIF file.")
    field = "logo"


@dataclass(frozen=True, slots=True)
class CentreSettings:
    """What an admin decides about the public pages, cleaned. ``introduction`` is by language."""

    is_open: bool = True
    sender_name: str = ""
    contact_email: str = ""
    colour: str = ""
    introduction: dict[str, str] = field(default_factory=dict)
    default_language: str = "en"
    stops_everything: bool = False


@transaction.atomic
def change_centre(
    project: Project, settings: CentreSettings, *, logo: bytes | None = None, remove_logo: bool = False
) -> Centre:
    """Set up the project's consent centre. Without a new ``logo`` it keeps the one that it has. Raises LogoRefused."""
    columns = {column.name: getattr(settings, column.name) for column in fields(settings)}
    if logo:
        columns |= {"logo": logo, "logo_type": picture_type(logo)}
    elif remove_logo:
        columns |= {"logo": b"", "logo_type": ""}
    Project.objects.select_for_update(no_key=True).get(pk=project.pk)
    centre, _made = Centre.objects.update_or_create(project=project, defaults=columns)
    return centre


def picture_type(content: bytes) -> str:
    """The media type of a small picture, by what stands in it and not by its name. Raises LogoRefused."""
    if len(content) > LARGEST_LOGO:
        raise LogoRefused(
            _("This picture is too large: at most 20 kB."),
            remedy=_("Make it smaller: 200 pixels in height are plenty."),
        )
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return "image/png"
    if content.startswith(b"\xff\xd8\xff") and content.rstrip(b"\0").endswith(b"\xff\xd9"):
        return "image/jpeg"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    raise LogoRefused
