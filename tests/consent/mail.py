"""A mail server on loopback that keeps what it is given, so that mails are seen as they arrive."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.conf import settings


class Inbox:
    """What arrived, and how to answer: ``refusal`` is the server's answer to a recipient."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusal = ""

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        return "250 OK"

    def only(self) -> EmailMessage:
        """The only mail."""
        [mail] = self.mails
        return mail


@pytest.fixture
def inbox(settings: Any) -> Iterator[Inbox]:
    """The mail server, to which this process sends from here on."""
    found = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(found, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_USE_TLS = settings.EMAIL_USE_SSL = False
    settings.EMAIL_HOST_USER = settings.EMAIL_HOST_PASSWORD = ""
    yield found
    controller.stop()


def part(mail: EmailMessage, kind: str) -> str:
    """The text of a mail as plain or as html."""
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def link_in(mail: EmailMessage) -> str:
    """The path of the link in a mail, the same in both of its parts."""
    [url] = set(re.findall(re.escape(settings.PUBLIC_URL) + r"(/\S+)", part(mail, "plain")))
    assert f'href="{settings.PUBLIC_URL}{url}"' in part(mail, "html")
    return str(url)
