"""Which fingerprint keys the register's rows were made under, and how to tell the right secret."""

from __future__ import annotations

from django.db import models


class FingerprintKey(models.Model):
    """A key in use: its name, and a value that only its secret makes."""

    name = models.CharField(max_length=32, primary_key=True)
    check_value = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name
