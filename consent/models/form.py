"""Forms on the project's or other sites, by which contacts subscribe or update their profile."""

from __future__ import annotations

from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from consent.vocabulary import FormKind
from contacts.models import Project


class Form(models.Model):
    """A public form. What it says and asks is in its versions; the last one is shown."""

    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="consent_forms")
    slug = models.SlugField(unique=True)
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=FormKind, default=FormKind.SUBSCRIBE)
    is_open = models.BooleanField(_("open"), default=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(kind__in=FormKind.values), name="form_kind_known")]
        ordering = ["name", "pk"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("consent:public_form", args=[self.slug])


class FormVersion(models.Model):
    """What a form said and asked from one moment on. Never changed: submissions name it as their proof.

    ``texts`` by language: ``{"en": {"title": …, "introduction": …, "wording": …, "thanks": …}}``. ``fields`` are names
    of details that it asks for (``first_name``, ``last_name``, ``language``, ``sms``); ``offers`` the types and
    channels that it offers: ``[{"type": 3, "channels": ["email"]}]``. ``embedded_by`` are the origins of the sites that
    may show it in a frame.
    """

    form = models.ForeignKey(Form, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    texts = models.JSONField(default=dict)
    fields = models.JSONField(default=list)
    offers = models.JSONField(default=list)
    embedded_by = models.JSONField(default=list, blank=True)
    author_label = models.CharField(max_length=254, blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["form", "number"], name="form_version_unique")]
        ordering = ["form", "-number"]

    def __str__(self) -> str:
        return f"{self.pk}"
