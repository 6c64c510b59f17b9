"""A project's own tables (orders, tickets, …), whose rows belong to a contact and leave with it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from contacts.models.contact import Contact
from contacts.models.project import Project


class RelationalTable(models.Model):
    """A table that a project declares: a name, and columns as a list of ``{key, label}``."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="relational_tables")
    slug = models.SlugField()
    name = models.CharField(_("name"), max_length=100)
    columns = models.JSONField(_("columns"), default=list)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "slug"], name="relational_table_unique")]

    def __str__(self) -> str:
        return self.name


class RelationalRow(models.Model):
    """One row of a contact: values by the table's column keys.

    ``request_id`` is the request that added it, of an import that of its job; ``changed_at`` is empty until somebody
    edits it: an import that is undone takes back what nobody touched.
    """

    table = models.ForeignKey(RelationalTable, on_delete=models.CASCADE, related_name="rows")
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="relational_rows")
    values = models.JSONField(default=dict)
    request_id = models.UUIDField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    changed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["contact", "table", "-id"], name="relational_row_by_contact"),
            models.Index(
                fields=["request_id", "contact"], name="relational_row_by_request",
                condition=Q(request_id__isnull=False),
            ),
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.pk}"
