"""Who is in the register, and what is known of them on each channel."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.models.beginnings import Beginnings
from contacts.models.project import Organization, Project
from contacts.vocabulary import Channel


class ContactQuerySet(models.QuerySet["Contact"]):
    def in_project(self, project: Project) -> Self:
        """Everybody of a project. Who was merged into somebody else is that one now, and not among them."""
        return self.ever_in_project(project).not_merged()

    def ever_in_project(self, project: Project) -> Self:
        """The same with those who were merged into others: for keys, and for moments before a merge."""
        return self.filter(project=project)

    def not_merged(self) -> Self:
        return self.filter(merged_into__isnull=True)

    def active(self) -> Self:
        return self.filter(is_active=True)

    def inactive(self) -> Self:
        return self.filter(is_active=False)


class Contact(models.Model):
    """A person with a record in a project, identified by their key. Its ``__str__`` names nobody.

    Who is ``merged_into`` another one (since ``merged_at``) keeps key, details and history, and has nothing else:
    no channel, no rows. Never a chain: ``merged_into`` is somebody who is not merged themselves.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="contacts")
    key = models.CharField(_("key"), max_length=254)
    first_name = models.CharField(_("first name"), max_length=150, blank=True)
    last_name = models.CharField(_("last name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    notes = models.TextField(_("notes"), blank=True, max_length=10_000)
    is_active = models.BooleanField(default=True)
    merged_into = models.ForeignKey(
        "self", null=True, blank=True, on_delete=models.SET_NULL, db_index=False, related_name="+"
    )
    merged_at = models.DateTimeField(null=True, blank=True)
    last_entry_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField(auto_now=True)

    objects = ContactQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key"], name="contact_key_unique")]
        indexes = [
            models.Index(fields=["project", "last_name", "first_name", "id"], name="contact_by_name"),
            models.Index(fields=["project", "-last_entry_at", "-id"], name="contact_by_change"),
            models.Index(fields=["project", "id"], name="contact_inactive", condition=Q(is_active=False)),
            # Of those few alone: SQLite would else look the others up in it, who are nearly all.
            models.Index(fields=["merged_into"], name="contact_merged", condition=Q(merged_into__isnull=False)),
            models.Index(F("project"), Beginnings(Upper("key")), name="contact_by_key_beginning"),
            models.Index(F("project"), Beginnings(Upper("last_name")), name="contact_by_last_name"),
            models.Index(F("project"), Beginnings(Upper("first_name")), name="contact_by_first_name"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("contacts:contact", args=[self.project.slug, self.pk])

    @property
    def name(self) -> str:
        """What screens call the contact: the name, or the key of somebody without a name."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.key

    def as_set(self) -> ContactQuerySet:
        """The queryset of this contact alone, for services, which take sets."""
        return Contact.objects.filter(pk=self.pk)


class ChannelStatusQuerySet(models.QuerySet["ChannelStatus"]):
    def on(self, channel: str) -> Self:
        return self.filter(channel=channel)

    def with_address(self) -> Self:
        return self.exclude(address="")

    def at_fingerprints(self, fingerprints: Iterable[str]) -> Self:
        return self.filter(fingerprint__in=list(fingerprints))


class ChannelStatus(models.Model):
    """One contact on one channel.

    ``own_opt_out`` is this contact's opt-out, which follows them to a new address; ``opted_out`` is that
    or an opt-out that lies on the address. ``contact_active``, ``opted_out``, ``quarantined`` and
    ``suppressed`` are copies that the services keep in the same transaction and ``verify`` checks.
    ``address_at`` is when the last entry about the address or its validity was recorded, ``last_entry_at`` the
    last one about anything here, blocks on the address included and the switch not: what is asked about a later
    moment needs no look at the history.
    """

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="+")
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="channel_statuses")
    channel = models.CharField(max_length=8, choices=Channel)
    address = models.CharField(max_length=320, blank=True)
    address_key = models.CharField(max_length=320, blank=True)
    fingerprint = models.CharField(max_length=100, blank=True)
    is_valid = models.BooleanField(default=True)
    contact_active = models.BooleanField(default=True)
    own_opt_out = models.BooleanField(default=False)
    opted_out = models.BooleanField(default=False)
    quarantined = models.BooleanField(default=False)
    suppressed = models.BooleanField(default=False)
    address_at = models.DateTimeField(null=True)
    last_entry_at = models.DateTimeField(null=True)

    objects = ChannelStatusQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["contact", "channel"], name="channel_status_unique"),
            models.CheckConstraint(condition=Q(channel__in=Channel.values), name="channel_status_channel_known"),
        ]
        indexes = [
            models.Index(fields=["fingerprint", "project", "channel"], name="channel_status_by_fingerprint"),
            models.Index(fields=["project", "channel", "address_key"], name="channel_status_by_address"),
            models.Index(F("project"), Beginnings("address_key"), name="channel_status_by_beginning"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"
