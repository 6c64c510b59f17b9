"""Whose register it is: organizations, their projects, and who may do what in them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from contacts.vocabulary import Channel, Role


class Organization(models.Model):
    """The sender in the eyes of the law: owns projects and the suppression list."""

    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(unique=True)
    postal_address = models.TextField(_("postal address"), blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Project(models.Model):
    """One contact list with its users. Everything below it belongs to it, and never leaks into another."""

    organization = models.ForeignKey(Organization, on_delete=models.PROTECT, related_name="projects")
    name = models.CharField(_("name"), max_length=200)
    slug = models.SlugField(unique=True)
    time_zone = models.CharField(_("time zone"), max_length=64, default="UTC")
    default_country = models.CharField(_("country of national phone numbers"), max_length=2, blank=True, default="")
    delivery_errors = models.PositiveSmallIntegerField(
        _("delivery errors until quarantine"),
        default=3,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
    )
    delivery_error_days = models.PositiveSmallIntegerField(
        _("days in which they count"), default=10, validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    burst_addresses = models.PositiveIntegerField(
        _("addresses of one domain that may stop existing in an hour before a user has to look"),
        default=50,
        validators=[MinValueValidator(2), MaxValueValidator(1_000_000)],
    )
    import_share = models.PositiveSmallIntegerField(
        _("share of the contacts that a replacement may deactivate without more ado (%)"),
        default=5,
        validators=[MaxValueValidator(100)],
    )
    import_days = models.PositiveSmallIntegerField(
        _("days in which an import can be undone, and its rows are kept"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(365)],
    )
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("contacts:overview", args=[self.slug])

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def all_channels() -> list[str]:
    return list(Channel.values)


class Membership(models.Model):
    """A user in a project. Deleting, exporting and sending are permissions of their own."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)
    may_delete = models.BooleanField(_("may delete contacts"), default=False)
    may_export = models.BooleanField(_("may export"), default=False)
    send_channels = models.JSONField(_("may send on"), default=all_channels, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="membership_unique"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.pk}"


class OrganizationAdmin(models.Model):
    """Manages an organization's projects and its suppression list."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="admins")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="administers")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["organization", "user"], name="organization_admin_unique")]

    def __str__(self) -> str:
        return f"{self.pk}"
