"""What a sending is about: newsletter, promotions, receipts."""

from __future__ import annotations

from typing import Any, Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from consent.vocabulary import ImpliedBy
from contacts.models import Project
from contacts.models.project import all_channels

LONGEST_PERIOD = 120


def _months(label: Any, default: int) -> Any:
    validators = [MinValueValidator(1), MaxValueValidator(LONGEST_PERIOD)]
    return models.PositiveSmallIntegerField(label, default=default, validators=validators)


class CommunicationTypeQuerySet(models.QuerySet["CommunicationType"]):
    def in_project(self, project: Project) -> Self:
        return self.filter(project=project)

    def in_use(self) -> Self:
        """Without those that were archived: nothing is sent under them any more."""
        return self.filter(archived_at__isnull=True)

    def public(self) -> Self:
        """Those that a contact sees in the consent centre."""
        return self.in_use().filter(is_public=True)


class CommunicationType(models.Model):
    """A kind of sending of a project, and what consent it needs.

    An administrative one needs none. The others need express consent, or, where ``accepts_implied``, consent that is
    implied for some months by an inquiry, a purchase, or a membership (from its end on). An administrative type with a
    ``despite_opt_out`` reason is sent in spite of opt-outs and suppressions, but never of a STOP.
    ``translations`` has name and description in other languages: ``{"fr": {"name": …, "description": …}}``.
    """

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="communication_types")
    slug = models.SlugField()
    name = models.CharField(_("name"), max_length=100)
    description = models.TextField(_("description"), blank=True, max_length=1_000)
    translations = models.JSONField(default=dict, blank=True)
    channels = models.JSONField(_("channels"), default=all_channels)
    administrative = models.BooleanField(_("administrative, needs no consent"), default=False)
    despite_opt_out = models.CharField(
        _("reason why it is sent in spite of opt-outs and suppressions"), max_length=200, blank=True, default=""
    )
    accepts_implied = models.BooleanField(_("implied consent is enough"), default=False)
    inquiry_months = _months(_("months after an inquiry"), 6)
    purchase_months = _months(_("months after a purchase"), 24)
    membership_months = _months(_("months after the end of a membership"), 24)
    double_opt_in = models.BooleanField(_("an opt-in is confirmed by email"), default=True)
    complaint_only_suppresses = models.BooleanField(
        _("a spam complaint suppresses the address and leaves the contact active"), default=False
    )
    is_public = models.BooleanField(_("shown in the consent centre"), default=True)
    position = models.PositiveSmallIntegerField(_("place in the list"), default=0)
    archived_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CommunicationTypeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["project", "slug"], name="communication_type_unique"),
            models.CheckConstraint(
                condition=Q(administrative=True) | Q(despite_opt_out=""), name="communication_type_despite"
            ),
        ]
        ordering = ["position", "name", "pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def needs_consent(self) -> bool:
        return not self.administrative

    @property
    def ignores_opt_outs(self) -> bool:
        return bool(self.administrative and self.despite_opt_out)

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    def is_sent_on(self, channel: str) -> bool:
        """Whether it is sent on a channel, and still in use."""
        return not self.is_archived and channel in self.channels

    def name_in(self, language: str | None = None) -> str:
        """The name in a language (the one in force), or as it is where there is no translation."""
        return self._told("name", language)

    def description_in(self, language: str | None = None) -> str:
        return self._told("description", language)

    def _told(self, what: str, language: str | None) -> str:
        told = self.translations.get((language or get_language() or "").partition("-")[0], {})
        return told.get(what) or getattr(self, what)

    def months_after(self, implied_by: str) -> int | None:
        """How long consent lasts that is implied by this, in months; None for what has an end of its own."""
        return {
            ImpliedBy.INQUIRY: self.inquiry_months,
            ImpliedBy.PURCHASE: self.purchase_months,
            ImpliedBy.MEMBERSHIP: self.membership_months,
        }.get(ImpliedBy(implied_by))
