"""What the consent centre holds of a contact: one list for the erasure's preview and for the erasure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import Count as Number
from django.db.models import Max, Min, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from consent.models import Consent, ConsentDetail, ConsentHistory, ErasureRequest, MailedLink
from consent.services import carrying, requests
from consent.services.feedback import leaving
from consent.vocabulary import RequestState
from contacts.extension_points import Count, Holding, holdings
from contacts.models import Contact, ErasureReceipt
from contacts.services.locks import addresses_of
from contacts.services.set_sql import database_clock
from contacts.vocabulary import Channel, Says


def register() -> None:
    """Add what the consent centre holds; called once at start-up."""
    holdings.add(Holding("consents", _("Opt-ins"), 30, _count, _erase, _said_no, merge=carrying.merge))
    holdings.add(
        Holding(
            "links", _("Mailed links and requests"), 92, _count_links, _close_requests, erase_first=_erase_links,
            merge=requests.merge,
        )
    )  # fmt: skip
    holdings.add(
        Holding(
            "feedback", _("What came back: reports, bounces, replies"), 93, leaving.count, leaving.erase_nothing_more,
            merge=leaving.merge, erase_first=leaving.forget,
        )
    )  # fmt: skip


def _counted(rows: QuerySet[Any], since: str) -> Mapping[int, Count]:
    found = rows.order_by().values("contact_id").annotate(number=Number("pk"), since=Min(since))
    return {row["contact_id"]: Count(row["number"], row["since"]) for row in found}


def _count(ids: Iterable[int]) -> Mapping[int, Count]:
    return _counted(ConsentHistory.objects.filter(contact_id__in_set=list(ids)), "occurred_at")


def _erase(ids: Iterable[int]) -> int:
    ids = list(ids)
    Consent.objects.filter(contact_id__in_set=ids)._raw_delete("default")
    ConsentDetail.objects.filter(entry__contact_id__in_set=ids)._raw_delete("default")
    return ConsentHistory.objects.filter(contact_id__in_set=ids)._raw_delete("default")


def _said_no(ids: Iterable[int]) -> Mapping[int, int]:
    noes = ConsentHistory.objects.filter(contact_id__in_set=list(ids), says=Says.NO).not_voided()
    heaviest = noes.order_by().values("contact_id").annotate(heaviest=Max("weight"))
    return {number: weight for number, weight in heaviest.values_list("contact_id", "heaviest") if number}


def _count_links(ids: Iterable[int]) -> Mapping[int, Count]:
    return _counted(MailedLink.objects.filter(contact_id__in_set=list(ids)), "created_at")


def _erase_links(ids: Iterable[int]) -> int:
    """Those to the contacts, and those to their addresses in their projects, which name nobody yet."""
    ids = list(ids)
    marks = addresses_of(ids, Channel.values, former=True)
    projects = list(Contact.objects.filter(pk__in_set=ids).values_list("project_id", flat=True).distinct())
    to_them = Q(contact__isnull=True, fingerprint__in_texts=marks, project__in=projects)
    return MailedLink.objects.filter(Q(contact_id__in_set=ids) | to_them)._raw_delete("default")


def _close_requests(ids: Iterable[int]) -> int:
    """Requests outlive the contact, open ones as done by whoever erased; what was written to the contact goes."""
    asked = ErasureRequest.objects.filter(contact_id__in_set=list(ids))
    asked.exclude(refusal="").update(refusal="")
    receipt = ErasureReceipt.objects.filter(contact_number=OuterRef("contact_id"))
    by = Coalesce(Subquery(receipt.values("actor_label")[:1]), Value(""))
    asked.filter(state=RequestState.OPEN).update(state=RequestState.DONE, decided_at=database_clock(), decided_by=by)
    return 0
