"""What happened: append-only histories and the receipts of erasures. Triggers keep them so."""

from __future__ import annotations

import uuid
from typing import Self

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.lookups import IsNull
from django.urls import reverse

from contacts.models.block import Block
from contacts.models.contact import Contact
from contacts.models.project import Organization, Project
from contacts.vocabulary import ActorKind, Aspect, AuthorizationSource, Channel, Method, Reason, Says, Weight


class LedgerEntry(models.Model):
    """One line of a ledger: who said what about whom, when it happened and when we learned it.

    Users, tokens and imports are kept as kind, number and label, never as a foreign key: an account that
    goes must neither fail nor rewrite history. ``contact`` has no constraint in the database either,
    because the entries of a block stay when the contact who caused it is erased. Free text and evidence
    are in ``EntryDetail``, a row of its own that can be erased; the entry keeps its salted digest. What an import
    writes names its line here; the import is the one that has its ``request_id``. ``repeats`` is the entry of a
    merged contact that this one says anew, of the contact who stayed.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="%(class)s",
    )  # fmt: skip
    channel = models.CharField(max_length=8, choices=Channel, blank=True, default="")
    weight = models.PositiveSmallIntegerField(choices=Weight, default=Weight.OURS)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    requested_on = models.DateField(null=True, blank=True)
    word_at = models.DateTimeField(null=True, blank=True)
    method = models.CharField(max_length=14, choices=Method)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    actor_number = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=254, blank=True, default="")
    reason = models.CharField(max_length=20, choices=Reason, blank=True, default="")
    authorization_source = models.CharField(max_length=8, choices=AuthorizationSource, blank=True, default="")
    authorization_on = models.DateField(null=True, blank=True)
    detail_digest = models.CharField(max_length=64, blank=True, default="")
    line = models.PositiveIntegerField(null=True, blank=True)
    repeats = models.BigIntegerField(null=True, blank=True)
    request_id = models.UUIDField()
    voids = models.BigIntegerField(null=True, blank=True)
    salt = models.UUIDField(default=uuid.uuid4)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class StatusHistoryQuerySet(models.QuerySet["StatusHistory"]):
    def in_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def known_at(self, moment: object) -> Self:
        return self.filter(recorded_at__lte=moment)

    def not_voided(self, known_at: object = None) -> Self:
        """Leave out entries that another one voids; a void counts from the moment it was recorded.

        Not ``~Exists``: PostgreSQL takes that for a join with all voids there are, of which there are few
        for an entry and many in all.
        """
        voids = StatusHistory.objects.filter(voids=OuterRef("pk"))
        if known_at is not None:
            voids = voids.filter(recorded_at__lte=known_at)
        return self.filter(IsNull(Subquery(voids.values("pk")[:1]), True))

    def newest_first(self) -> Self:
        return self.order_by("-recorded_at", "-id")


class StatusHistory(LedgerEntry):
    """Every change of status of a contact, a channel or an address, and every request for one."""

    block = models.ForeignKey(
        Block, null=True, blank=True, on_delete=models.PROTECT, db_index=False, related_name="entries"
    )
    aspect = models.CharField(max_length=12, choices=Aspect)
    says = models.CharField(max_length=5, choices=Says)
    from_value = models.CharField(max_length=320, blank=True, default="")
    to_value = models.CharField(max_length=320, blank=True, default="")
    address_fingerprint = models.CharField(max_length=100, blank=True, default="")

    objects = StatusHistoryQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(
                F("contact"), F("aspect"), F("channel"), F("occurred_at").desc(), F("id").desc(),
                name="history_by_contact",
            ),
            models.Index(
                F("block"), F("occurred_at").desc(), F("id").desc(),
                name="history_by_block", condition=Q(block__isnull=False),
            ),
            models.Index(fields=["project", "-recorded_at", "-id"], name="history_by_project"),
            models.Index(fields=["contact", "-recorded_at", "-id"], name="history_timeline"),
            models.Index(fields=["voids"], name="history_voids", condition=Q(voids__isnull=False)),
            models.Index(fields=["request_id"], name="history_by_request"),
            models.Index(fields=["repeats"], name="history_repeats", condition=Q(repeats__isnull=False)),
        ]  # fmt: skip
        constraints = [
            models.CheckConstraint(condition=Q(aspect__in=Aspect.values), name="history_aspect_known"),
            models.CheckConstraint(condition=Q(says__in=Says.values), name="history_says_known"),
            models.CheckConstraint(condition=Q(weight__in=Weight.values), name="history_weight_known"),
            models.CheckConstraint(condition=Q(occurred_at__lte=F("recorded_at")), name="history_not_from_the_future"),
            models.CheckConstraint(
                condition=Q(says=Says.VOID, voids__isnull=False) | ~Q(says=Says.VOID) & Q(voids__isnull=True),
                name="history_void_names_entry",
            ),
            models.UniqueConstraint(fields=["voids"], condition=Q(voids__isnull=False), name="history_voided_once"),
        ]

    def get_absolute_url(self) -> str | None:
        return reverse("contacts:entry", args=[self.project.slug, self.pk]) if self.project else None

    @property
    def changed(self) -> bool:
        """False for a confirmation of what held already, and for a word that came too late."""
        return self.from_value != self.to_value

    @property
    def is_late(self) -> bool:
        """It happened before it was recorded, and changed nothing any more."""
        return self.says == Says.NO and not self.changed and self.occurred_at < self.recorded_at


class LedgerDetail(models.Model):
    """An entry's free text and evidence, in a row of its own that can be erased; the entry keeps its salted digest."""

    note = models.TextField(blank=True)
    authorization_reference = models.TextField(blank=True)
    evidence = models.JSONField(default=dict, blank=True)
    salt = models.UUIDField(default=uuid.uuid4)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.pk}"


class EntryDetail(LedgerDetail):
    """Erased with the contact, also where the entry itself stays."""

    entry = models.OneToOneField(StatusHistory, on_delete=models.DO_NOTHING, primary_key=True, related_name="detail")


class ErasureReceipt(models.Model):
    """What was erased, by whom, when and why. No name, no address: the key's fingerprint only.

    Who had been merged into the contact that was erased has a receipt too, so that their key finds it;
    ``merged_into_number`` is the number of that contact, whose receipt counts for both.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="erasure_receipts")
    contact_number = models.BigIntegerField()
    key_fingerprint = models.CharField(max_length=100)
    requested_by_contact = models.BooleanField()
    merged_into_number = models.BigIntegerField(null=True, blank=True)
    counts = models.JSONField(default=dict)
    blocks_kept = models.PositiveIntegerField(default=0)
    method = models.CharField(max_length=14, choices=Method)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    actor_number = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=254, blank=True, default="")
    request_id = models.UUIDField()
    erased_at = models.DateTimeField()
    salt = models.UUIDField(default=uuid.uuid4)

    class Meta:
        indexes = [models.Index(fields=["project", "-erased_at", "-id"], name="receipt_by_project")]
        constraints = [models.UniqueConstraint(fields=["contact_number"], name="receipt_once_per_contact")]

    def __str__(self) -> str:
        return f"{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("contacts:erasure", args=[self.project.slug, self.pk])
