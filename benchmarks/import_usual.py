"""A list put in a row at a time by django-import-export, as its users write it. No history, no locks, no staging.

DATABASE_URL=… python -m benchmarks.import_usual FILE PROJECT
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any


def main(file: str, project: str) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    os.environ["DEBUG"] = "false"
    import django

    django.setup()
    import tablib
    from django.db import connection

    resource = _resource(project)
    connection.ensure_connection()
    started = time.perf_counter()
    data = tablib.Dataset().load(Path(file).read_text(encoding="utf-8"), format="csv")
    result = resource.import_data(data, raise_errors=True)
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "created": result.totals["new"]}))
    return 0


def _resource(slug: str) -> Any:
    from django.utils import timezone
    from import_export.fields import Field
    from import_export.resources import ModelResource

    from contacts.addresses import normalise
    from contacts.models import ChannelStatus, Contact, Project

    project = Project.objects.get(slug=slug)
    here = {"project": project, "organization_id": project.organization_id}

    class ContactResource(ModelResource):
        key = Field(attribute="key", column_name="Email")
        first_name = Field(attribute="first_name", column_name="first_name")
        last_name = Field(attribute="last_name", column_name="last_name")

        class Meta:
            model = Contact
            import_id_fields = ("key",)
            fields = ("key", "first_name", "last_name")
            skip_unchanged = True

        def get_queryset(self) -> Any:
            return Contact.objects.filter(project=project)

        def before_import_row(self, row: Any, **kwargs: Any) -> None:
            row["address"] = normalise("email", row["Email"])
            row["Email"] = row["address"].key
            row["first_name"], _space, row["last_name"] = row["Name"].rpartition(" ")

        def before_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            instance.project, instance.organization_id = project, project.organization_id
            instance.attributes = {name: row[name] for name in ("City", "Plan", "Member since")}
            instance.created_at = instance.created_at or timezone.now()

        def after_save_instance(self, instance: Any, row: Any, **kwargs: Any) -> None:
            address = row["address"]
            ChannelStatus.objects.update_or_create(
                contact=instance,
                channel="email",
                defaults={
                    **here,
                    "address": address.shown,
                    "address_key": address.key,
                    "fingerprint": address.fingerprint,
                },
            )

    return ContactResource()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
