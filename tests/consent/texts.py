"""Texts that people sent back, for tests of pages."""

from __future__ import annotations

from typing import Any

from consent.models import InboundReply
from consent.services.feedback.replies import take_text
from contacts.models import Project
from contacts.origin import Actor
from contacts.vocabulary import ActorKind

NUMBER = "+14185550137"
GATEWAY = Actor(ActorKind.TOKEN, 3, "SMS gateway")


def text_from(project: Project, words: str, sender: str = NUMBER, **fields: Any) -> InboundReply:
    """A text that a gateway handed over."""
    return take_text(project, sender=sender, recipient="36111", text=words, actor=GATEWAY, **fields)


def waiting_reply(project: Project, words: str = "please stop", **fields: Any) -> InboundReply:
    return text_from(project, words, **fields)
