"""Go over to a new fingerprint key: the first one in the setting FINGERPRINT_KEYS."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from contacts.services.fingerprints import current_key, rotate_key


class Command(BaseCommand):
    help = (
        "Fingerprint every known address anew, under the first key of FINGERPRINT_KEYS. Run it while nothing "
        "else runs. Keep the old keys in the setting, after the new one: blocks of erased addresses need them."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        number = rotate_key()
        self.stdout.write(f"{number} addresses are under the key “{current_key()}” now.")
