"""A deactivation of one contact that happens now, by the fewest statements: programs ask for many, one by one.

It writes what ``status.deactivate`` writes for a set of one; a test holds the two together.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from contacts.models import ChannelStatus, Contact, EntryDetail
from contacts.moments import TICK
from contacts.origin import Origin
from contacts.services import status
from contacts.services.ledger import detail_of, said_of
from contacts.services.prepared import Prepared, insert_one, update_rows
from contacts.services.set_sql import database_clock
from contacts.vocabulary import OPEN, SHUT, Aspect, Says


def deactivate_one(contact: Contact, *, origin: Origin) -> None:
    """Stop everything on every channel, at the request of a new origin (a retry is told from its first by the caller).

    What happened earlier, or is about somebody who was merged meanwhile, is left to the service for sets. Who is
    not there any more is left alone. Raises InTheFuture.
    """
    with transaction.atomic(savepoint=False):
        found = _LOCKED.rows(contact=contact.pk)
        if found and (found[0][2] is not None or origin.occurred_at is not None):
            status.deactivate(contact.as_set(), origin=origin)
        elif found:
            is_active, last, _merged = found[0]
            moment = database_clock()
            _deactivate(contact, is_active, moment if last is None else max(moment, last + TICK), origin)


_LOCKED = Prepared(
    lambda contact: (
        Contact.objects.filter(pk=contact)
        .order_by()
        .select_for_update(no_key=True)
        .values_list("is_active", "last_entry_at", "merged_into_id")
    ),
    contact=int,
)


def _deactivate(contact: Contact, is_active: bool, moment: datetime, origin: Origin) -> None:
    digest, detail = detail_of(origin, None)
    entry, _origin = said_of(
        contact, origin, moment, aspect=Aspect.ACTIVE, says=Says.NO, weight=origin.weight_of_no, detail_digest=digest,
        from_value=(OPEN if is_active else SHUT)[Aspect.ACTIVE], to_value=SHUT[Aspect.ACTIVE],
    )  # fmt: skip
    insert_one(entry)
    if detail:
        insert_one(EntryDetail(entry=entry, **detail))
    update_rows(Contact, {"id": contact.pk}, {"is_active": False, "last_entry_at": moment})
    update_rows(ChannelStatus, {"contact_id": contact.pk}, {"contact_active": False})
