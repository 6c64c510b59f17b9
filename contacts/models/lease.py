"""Leases: who among several processes does what one of them shall do at a time."""

from __future__ import annotations

from django.db import models


class Lease(models.Model):
    """A piece of work and the process that has it, until a moment. Who dies loses it when that moment has passed."""

    name = models.CharField(primary_key=True, max_length=40)
    holder = models.CharField(max_length=64)
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
