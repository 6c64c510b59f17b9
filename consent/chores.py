"""What the workers do every so often for the consent centre: send mails that were not sent, forget what is over."""

from __future__ import annotations

from datetime import timedelta

from consent.services import mailing
from consent.services.feedback import aside, delivery, reports
from contacts.extension_points import Chore, chores

CHORES = (
    Chore("send_mails_again", 50, timedelta(seconds=30), mailing.send_again),
    Chore("purge_links", 60, timedelta(hours=1), mailing.purge),
    Chore("purge_deliveries", 70, timedelta(hours=1), delivery.purge),
    Chore("purge_unread_mail", 80, timedelta(hours=1), aside.purge),
    Chore("purge_spam_reports", 85, timedelta(hours=1), reports.purge),
)


def register() -> None:
    """Add the consent centre's chores; called once at start-up."""
    for chore in CHORES:
        chores.add(chore)
