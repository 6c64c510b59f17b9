"""A lease: one holder at a time, and who dies loses it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from contacts.models import Lease
from contacts.services import leases

pytestmark = pytest.mark.django_db

NOW = timezone.now()
PERIOD = timedelta(seconds=30)


def take(holder: str, seconds: float = 0, name: str = "chores") -> bool:
    return leases.take(name, holder, now=NOW + timedelta(seconds=seconds), period=PERIOD)


def test_one_has_it() -> None:
    assert take("a")
    assert not take("b")


def test_its_holder_renews_it() -> None:
    assert take("a")
    assert take("a", 20)
    assert not take("b", 40)
    assert take("b", 51)


def test_who_died_loses_it() -> None:
    assert take("a")
    assert not take("b", 30)
    assert take("b", 31)
    assert not take("a", 31)


def test_given_back_it_is_free_at_once() -> None:
    assert take("a")
    leases.give_back("chores", "b")
    assert not take("b")
    leases.give_back("chores", "a")
    assert take("b")


def test_leases_know_nothing_of_each_other() -> None:
    assert take("a")
    assert take("b", name="other")
    assert Lease.objects.count() == 2
