"""Imports: a job for each file, its content until it was read, and its rows as they were staged."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact
from contacts.models.project import Project
from contacts.vocabulary import ActorKind


class ImportKind(models.TextChoices):
    """What the rows of a file are."""

    CONTACTS = "contacts", _("Contacts")
    OPT_OUTS = "opt_outs", _("Opt-outs")
    SUPPRESSIONS = "suppressions", _("Addresses to suppress")


class ImportMode(models.TextChoices):
    """What an import of contacts may do."""

    ADD_AND_UPDATE = "add_and_update", _("Add and update")
    ADD = "add", _("Add only")
    UPDATE = "update", _("Update only")
    REPLACE = "replace", _("Replace the list")


class ImportState(models.TextChoices):
    """Where an import stands. ``staging``, ``running`` and ``undoing`` are work for the worker."""

    UPLOADED = "uploaded", _("Waiting for its columns")
    STAGING = "staging", _("Being read")
    READY = "ready", _("Waiting for a check")
    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped")
    DONE = "done", _("Done")
    UNDOING = "undoing", _("Being undone")
    UNDONE = "undone", _("Undone")
    FAILED = "failed", _("Could not be read")
    DISCARDED = "discarded", _("Cancelled")


AT_WORK = (ImportState.STAGING, ImportState.RUNNING, ImportState.UNDOING)


class RowOutcome(models.TextChoices):
    """What a row does, or did."""

    CREATED = "created", _("Created")
    UPDATED = "updated", _("Updated")
    UNCHANGED = "unchanged", _("Unchanged")
    REJECTED = "rejected", _("Rejected")


class ImportJob(models.Model):
    """One import. ``rows`` is the sum of the four outcomes, in ``planned`` and, of the rows done, in ``counts``.

    ``request_id`` is that of every entry that it writes. ``reading`` says how the file is read (encoding, delimiter,
    header line, sheet), ``mapping`` what its columns are; both are plain data of ``contacts.csv_columns``.
    ``dated`` is the day of the list: a replacement leaves contacts alone who are newer. ``done_line`` is the last
    line whose effects are written, in the same transaction; ``heartbeat_at`` tells a worker at work from a dead one,
    and ``claim`` which of them it is.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="imports")
    request_id = models.UUIDField(unique=True, default=uuid.uuid4)
    actor_kind = models.CharField(max_length=8, choices=ActorKind)
    actor_number = models.BigIntegerField(null=True, blank=True)
    actor_label = models.CharField(max_length=254, blank=True, default="")
    file_name = models.CharField(max_length=200)
    size = models.BigIntegerField(default=0)
    kind = models.CharField(max_length=12, choices=ImportKind, default=ImportKind.CONTACTS)
    mode = models.CharField(max_length=14, choices=ImportMode, default=ImportMode.ADD_AND_UPDATE)
    reading = models.JSONField(default=dict, blank=True)
    mapping = models.JSONField(default=dict, blank=True)
    options = models.JSONField(default=dict, blank=True)
    dated = models.DateField(null=True, blank=True)
    state = models.CharField(max_length=10, choices=ImportState, default=ImportState.UPLOADED)
    error = models.TextField(blank=True, default="")
    rows = models.PositiveIntegerField(default=0)
    last_line = models.PositiveIntegerField(default=0)
    done_line = models.PositiveIntegerField(default=0)
    planned = models.JSONField(default=dict, blank=True)
    counts = models.JSONField(default=dict, blank=True)
    stop_requested = models.BooleanField(default=False)
    created_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    claim = models.UUIDField(null=True, blank=True)
    purged_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["project", "-id"], name="import_by_project"),
            models.Index(fields=["heartbeat_at"], name="import_at_work", condition=Q(state__in=AT_WORK)),
        ]
        constraints = [models.CheckConstraint(condition=Q(state__in=ImportState.values), name="import_state_known")]

    def __str__(self) -> str:
        return f"{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("contacts:import", args=[self.project.slug, self.pk])

    @property
    def is_at_work(self) -> bool:
        return self.state in AT_WORK


class ImportPiece(models.Model):
    """A part of an uploaded file, in the database, where every web process and worker finds it. Goes once read."""

    job = models.ForeignKey(ImportJob, on_delete=models.CASCADE, related_name="pieces", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["job", "number"], name="import_piece_unique")]

    def __str__(self) -> str:
        return f"{self.pk}"


class ImportRow(models.Model):
    """A staged row: the line on which it begins, its values in their normal form, and what it does.

    Addresses stand as shown, as compared, and as fingerprint. ``contact`` is whom the row is about; of somebody
    to be created, the id that they will have. ``noes`` are the opt-outs in the row, ``extras`` its relational
    values (and what other apps read), ``unsendable`` what one of our own exports said of them, ``before`` the details
    that an update replaced, ``cells`` the row as it was in the file, for rejected rows alone.
    """

    pk = models.CompositePrimaryKey("job_id", "line")
    # Without a constraint in the database, the check of which is four tenths of what loading rows takes.
    job = models.ForeignKey(
        ImportJob, on_delete=models.CASCADE, db_constraint=False, db_index=False, related_name="staged"
    )
    line = models.PositiveIntegerField()
    outcome = models.CharField(
        max_length=9, choices=RowOutcome, default=RowOutcome.UNCHANGED, db_default=RowOutcome.UNCHANGED.value
    )
    error_code = models.CharField(max_length=30, blank=True, default="", db_default="")
    error = models.TextField(blank=True, default="", db_default="")
    contact = models.ForeignKey(
        Contact, null=True, blank=True, on_delete=models.DO_NOTHING, db_constraint=False, db_index=False,
        related_name="+",
    )  # fmt: skip
    key = models.CharField(max_length=320, blank=True, default="", db_default="")
    first_name = models.CharField(max_length=150, blank=True, default="", db_default="")
    last_name = models.CharField(max_length=150, blank=True, default="", db_default="")
    language = models.CharField(max_length=10, blank=True, default="", db_default="")
    notes = models.TextField(blank=True, default="", db_default="")
    attributes = models.JSONField(default=dict, blank=True, db_default=models.Value({}, models.JSONField()))
    email = models.CharField(max_length=320, blank=True, default="", db_default="")
    email_key = models.CharField(max_length=320, blank=True, default="", db_default="")
    email_fingerprint = models.CharField(max_length=100, blank=True, default="", db_default="")
    sms = models.CharField(max_length=320, blank=True, default="", db_default="")
    sms_key = models.CharField(max_length=320, blank=True, default="", db_default="")
    sms_fingerprint = models.CharField(max_length=100, blank=True, default="", db_default="")
    push = models.CharField(max_length=320, blank=True, default="", db_default="")
    push_key = models.CharField(max_length=320, blank=True, default="", db_default="")
    push_fingerprint = models.CharField(max_length=100, blank=True, default="", db_default="")
    unsendable = models.CharField(max_length=40, blank=True, default="", db_default="")
    noes = models.JSONField(null=True, blank=True)
    extras = models.JSONField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    cells = models.JSONField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["job", "key"], name="import_row_by_key"),
            models.Index(
                fields=["job", "outcome", "line"], name="import_row_by_outcome",
                condition=~Q(outcome=RowOutcome.UNCHANGED),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.job_id}:{self.line}"


class ImportMapping(models.Model):
    """What the columns of a file with this header were taken for the last time, so that it is asked once."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="import_mappings")
    header = models.CharField(max_length=64)
    mapping = models.JSONField(default=dict)
    used_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "header"], name="import_mapping_unique")]

    def __str__(self) -> str:
        return f"{self.pk}"
