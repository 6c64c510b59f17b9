"""Leases among processes. What is done under one must bear being done twice: clocks differ, and processes pause."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from contacts.models import Lease


@transaction.atomic
def take(name: str, holder: str, *, now: datetime, period: timedelta) -> bool:
    """Have the lease for the period from now, whether it was the holder's own already, nobody's, or had run out.

    Returns False while another has it.
    """
    until = now + period
    Lease.objects.bulk_create([Lease(name=name, holder=holder, until=until)], ignore_conflicts=True)
    free = Lease.objects.filter(name=name).filter(Q(holder=holder) | Q(until__lt=now))
    return bool(free.update(holder=holder, until=until))


def give_back(name: str, holder: str) -> None:
    """Let others have it at once."""
    Lease.objects.filter(name=name, holder=holder).delete()
