"""What the register itself holds of a contact: one list for the erasure's preview and for the erasure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count as Number
from django.db.models import Max, Min, QuerySet
from django.utils.translation import gettext_lazy as _

from contacts.extension_points import Count, Holding, holdings
from contacts.models import ChannelStatus, EntryDetail, RelationalRow, StatusHistory
from contacts.origin import Origin
from contacts.services.imports import staged
from contacts.vocabulary import Aspect, Says, Weight


def register() -> None:
    """Add the register's holdings; called once at start-up."""
    for holding in HOLDINGS:
        holdings.add(holding)


def _counted(rows: QuerySet[Any], since: str | None = None) -> Mapping[int, Count]:
    grouped = rows.order_by().values("contact_id")
    found = grouped.annotate(number=Number("pk"), **({"since": Min(since)} if since else {}))
    return {row["contact_id"]: Count(row["number"], row.get("since")) for row in found}


def _count_history(ids: Iterable[int]) -> Mapping[int, Count]:
    return _counted(_going(ids), "occurred_at")


def _erase_history(ids: Iterable[int]) -> int:
    """Entries go, but for those of blocks, which may hold the address for others: their details go."""
    ids = list(ids)
    EntryDetail.objects.filter(entry__contact_id__in_set=ids)._raw_delete("default")
    return _going(ids)._raw_delete("default")


def _going(ids: Iterable[int]) -> QuerySet[StatusHistory]:
    return StatusHistory.objects.filter(contact_id__in_set=list(ids), block__isnull=True)


def _said_no(ids: Iterable[int]) -> Mapping[int, int]:
    noes = StatusHistory.objects.filter(
        contact_id__in_set=list(ids), aspect=Aspect.ACTIVE, says=Says.NO, weight__gte=Weight.REPORTED
    ).not_voided()
    return dict(
        noes.order_by().values("contact_id").annotate(heaviest=Max("weight")).values_list("contact_id", "heaviest")
    )


def _count_addresses(ids: Iterable[int]) -> Mapping[int, Count]:
    return _counted(ChannelStatus.objects.filter(contact_id__in_set=list(ids)).with_address())


def _erase_channels(ids: Iterable[int]) -> int:
    return ChannelStatus.objects.filter(contact_id__in_set=list(ids))._raw_delete("default")


def _count_relational(ids: Iterable[int]) -> Mapping[int, Count]:
    return _counted(RelationalRow.objects.filter(contact_id__in_set=list(ids)), "created_at")


def _erase_relational(ids: Iterable[int]) -> int:
    return RelationalRow.objects.filter(contact_id__in_set=list(ids))._raw_delete("default")


def _merge_relational(going: int, staying: int, _origin: Origin) -> None:
    RelationalRow.objects.filter(contact=going).update(contact=staying)


def _erase_nothing_more(ids: Iterable[int]) -> int:
    return 0


HOLDINGS = (
    Holding("channels", _("Addresses"), 10, _count_addresses, _erase_channels),
    Holding("history", _("Status history"), 20, _count_history, _erase_history, _said_no),
    Holding("relational", _("Relational data"), 90, _count_relational, _erase_relational, merge=_merge_relational),
    Holding("imports", _("Rows of imports"), 95, staged.count, _erase_nothing_more, erase_first=staged.forget),
)
