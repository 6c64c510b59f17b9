"""An import at which the program itself fails, again and again: it waits for somebody, instead of failing for ever."""

from __future__ import annotations

from django.utils.translation import gettext as _

from contacts.models import ImportJob
from contacts.models.imports import ImportState


def give_up(job_id: int) -> None:
    """Let the import wait: one that was being read has failed, one that ran is stopped and can be gone on with.

    Nothing is half done. An undo is not given up, since there is nothing else that could be done about it.
    """
    words = _("Something failed that should not. What it was stands in the log of the worker; nothing is half done.")
    job = ImportJob.objects.filter(pk=job_id)
    job.filter(state=ImportState.STAGING).update(state=ImportState.FAILED, error=words, claim=None)
    job.filter(state=ImportState.RUNNING).update(state=ImportState.STOPPED, error=words, claim=None)
