"""What contacts agreed to, and took back: the append-only opt-in history."""

from __future__ import annotations

from typing import Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from consent.models.communication_type import CommunicationType
from consent.vocabulary import Basis, ConsentState, ImpliedBy, Word
from contacts.models import Project
from contacts.models.ledger import LedgerDetail, LedgerEntry
from contacts.vocabulary import Says


class ConsentHistoryQuerySet(models.QuerySet["ConsentHistory"]):
    def in_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def not_voided(self, known_at: object = None) -> Self:
        """Leave out entries that another one voids; a void counts from the moment it was recorded."""
        voids = ConsentHistory.objects.filter(voids=OuterRef("pk"))
        if known_at is not None:
            voids = voids.filter(recorded_at__lte=known_at)
        return self.filter(IsNull(Subquery(voids.values("pk")[:1]), True))

    def newest_first(self) -> Self:
        return self.order_by("-recorded_at", "-id")


class ConsentHistory(LedgerEntry):
    """One word about one communication type on one channel.

    ``says`` is what the word is to the gate of withdrawals: granted a yes, withdrawn a no, pending a mere value.
    ``from_state`` and ``to_state`` are what the contact's entries amounted to before and after.
    """

    communication_type = models.ForeignKey(
        CommunicationType, on_delete=models.PROTECT, db_index=False, related_name="entries"
    )
    word = models.CharField(max_length=10, choices=Word)
    says = models.CharField(max_length=5, choices=Says)
    basis = models.CharField(max_length=8, choices=Basis, blank=True, default="")
    implied_by = models.CharField(max_length=10, choices=ImpliedBy, blank=True, default="")
    implied_until = models.DateTimeField(null=True, blank=True)
    from_state = models.CharField(max_length=10, choices=ConsentState, blank=True, default="")
    to_state = models.CharField(max_length=10, choices=ConsentState, blank=True, default="")

    objects = ConsentHistoryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                F("contact"), F("communication_type"), F("channel"), F("occurred_at").desc(), F("id").desc(),
                name="consent_history_by_gate",
            ),
            models.Index(fields=["contact", "-recorded_at", "-id"], name="consent_history_timeline"),
            models.Index(fields=["project", "-recorded_at", "-id"], name="consent_history_by_project"),
            models.Index(fields=["communication_type", "recorded_at"], name="consent_history_by_type"),
            models.Index(fields=["request_id"], name="consent_history_by_request"),
            models.Index(fields=["voids"], name="consent_history_voids", condition=Q(voids__isnull=False)),
            models.Index(fields=["repeats"], name="consent_history_repeats", condition=Q(repeats__isnull=False)),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(condition=Q(word__in=Word.values), name="consent_history_word_known"),
            models.CheckConstraint(
                condition=Q(word=Word.GRANTED, says=Says.YES)
                | Q(word=Word.WITHDRAWN, says=Says.NO)
                | Q(word=Word.PENDING, says=Says.VALUE)
                | Q(word=Word.VOID, says=Says.VOID),
                name="consent_history_says_word",
            ),
            models.CheckConstraint(
                condition=~Q(word=Word.GRANTED) | Q(basis=Basis.EXPRESS, implied_until__isnull=True)
                | Q(basis=Basis.IMPLIED, implied_until__isnull=False, weight=0),
                name="consent_history_basis",
            ),
            models.CheckConstraint(
                condition=~Q(word=Word.WITHDRAWN) | Q(weight__gte=1), name="consent_history_withdrawn_weighs"
            ),
            models.CheckConstraint(
                condition=Q(occurred_at__lte=F("recorded_at")), name="consent_history_not_from_the_future"
            ),
            models.CheckConstraint(
                condition=Q(word=Word.VOID, voids__isnull=False) | ~Q(word=Word.VOID) & Q(voids__isnull=True),
                name="consent_history_void_names_entry",
            ),
            models.UniqueConstraint(
                fields=["voids"], condition=Q(voids__isnull=False), name="consent_history_voided_once"
            ),
        ]  # fmt: skip

    @property
    def changed(self) -> bool:
        """False for a confirmation of what held already, and for a word that came too late."""
        return self.from_state != self.to_state


class ConsentDetail(LedgerDetail):
    """The proof of an entry: free text, and the wording, form, page and place where it was given."""

    entry = models.OneToOneField(ConsentHistory, on_delete=models.DO_NOTHING, primary_key=True, related_name="detail")
