"""Public forms to try: a form with its version, and what people send with it."""

from __future__ import annotations

from typing import Any

from consent.forms.public import box_name
from consent.models import CommunicationType, Form, FormVersion
from consent.vocabulary import FormKind
from contacts.models import Project
from contacts.vocabulary import Channel

TEXTS = {
    "en": {"title": "Our news", "introduction": "Welcome.", "wording": "Yes, send me this.", "thanks": "Merci bien."},
    "fr": {"title": "Nos nouvelles", "introduction": "", "wording": "Oui, envoyez-moi cela.", "thanks": ""},
}


def form_of(project: Project, *topics: CommunicationType, **changes: Any) -> FormVersion:
    """A form that offers types by email, and its only version."""
    kind = changes.pop("kind", FormKind.SUBSCRIBE)
    form = Form.objects.create(project=project, slug=changes.pop("slug", "our-news"), name="Our news", kind=kind)
    return version_of(form, *topics, **changes)


def version_of(form: Form, *topics: CommunicationType, **changes: Any) -> FormVersion:
    """The next version of a form."""
    offers = [{"type": topic.pk, "channels": ["email"]} for topic in topics]
    particulars = {
        "texts": TEXTS, "fields": ["first_name", "last_name", "language", "sms"], "offers": offers, "embedded_by": [],
        **changes,
    }  # fmt: skip
    return FormVersion.objects.create(form=form, number=form.versions.count() + 1, **particulars)


def submission(version: FormVersion, /, *topics: CommunicationType, **changes: Any) -> dict[str, Any]:
    """What a browser sends with the boxes of some types ticked."""
    ticked = {box_name(topic, Channel.EMAIL): "on" for topic in topics}
    sent = {"version": version.number, "email": "ada@example.org", **ticked, **changes}
    return {name: value for name, value in sent.items() if value is not None}
