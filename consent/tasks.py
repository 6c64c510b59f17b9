"""What the worker does for the consent centre: it sends the mails with links. ``contacts.tasks`` says how tasks are."""

from __future__ import annotations

from contacts.tasks import task


@task()
def send_mailed_link(link_id: int) -> None:
    """Note that an opt-in waits for its confirmation, where that is what the link is for, and send the mail."""
    # The services put tasks into the queue, and a task runs services.
    from consent.services import confirming, mailing

    confirming.note_pending(link_id)
    mailing.send(link_id)


def enqueue_mail(link_id: int) -> None:
    """Let a worker send the mail as soon as the present transaction is committed."""
    send_mailed_link.enqueue(link_id)
