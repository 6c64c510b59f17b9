"""Fingerprint keys over time: a new key finds every no that was said under the old one."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.test import override_settings

from contacts.addresses import normalise
from contacts.eligibility import Question, explain
from contacts.models import Block, ChannelStatus, Contact, FingerprintKey, Project
from contacts.services.blocks import lift, suppress
from contacts.services.erasure import erase
from contacts.services.fingerprints import check_keys, current_key, rotate_key
from contacts.services.opt_outs import opt_out
from contacts.services.register import change_address
from contacts.services.verify import differences
from tests.factories import ContactFactory
from tests.origins import ADMIN, EDITOR, asked, authorized_everywhere, by, by_complaint, by_link

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.org"
OLD, NEW, NEWER = ({name: name * 20} for name in ("old", "new", "newer"))


@pytest.fixture(autouse=True)
def under_the_old_key() -> Iterator[None]:
    with override_settings(FINGERPRINT_KEYS=OLD):
        check_keys()
        yield


def keys(*names: dict[str, str]) -> Any:
    """The settings with these keys, the current one first."""
    return override_settings(FINGERPRINT_KEYS={name: secret for key in names for name, secret in key.items()})


def may_be_sent_to(contact: Contact) -> bool:
    verdict = explain(contact, Question("email"))
    assert verdict is not None
    return verdict.sendable


# The start


def test_the_first_start_registers_the_key() -> None:
    assert FingerprintKey.objects.get().name == current_key() == "old"
    check_keys()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"new": "n" * 20}, "missing"),
        ({"old": "another secret altogether"}, "secret"),
        ({**NEW, **OLD}, "rotate_fingerprint_key"),
    ],
    ids=["key in use is missing", "secret is another", "new key without rotation"],
)
def test_the_start_is_refused(settings: dict[str, str], words: str) -> None:
    with override_settings(FINGERPRINT_KEYS=settings), pytest.raises(ImproperlyConfigured, match=words):
        check_keys()


def test_a_missing_key_is_named_by_verify() -> None:
    with keys(NEW):
        assert [found.subject for found in differences()] == ["fingerprint key"]


# Going over


def test_rotation_moves_addresses_and_their_blocks(project: Project) -> None:
    contact = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), "email", origin=by_link())
    with keys(NEW, OLD):
        assert rotate_key() == 1
        check_keys()
        assert ChannelStatus.objects.get().fingerprint == Block.objects.get().fingerprint
        assert Block.objects.get().fingerprint.startswith("new:")
        assert not may_be_sent_to(contact)
        assert not may_be_sent_to(ContactFactory(project=project, email=EMAIL))
        assert list(differences()) == []
        assert rotate_key() == 0


def test_rotation_moves_blocks_on_addresses_that_nobody_has(project: Project) -> None:
    suppress([normalise("email", EMAIL)], organization=project.organization, origin=by_complaint())
    with keys(NEW, OLD):
        rotate_key()
        assert Block.objects.get().fingerprint == normalise("email", EMAIL).fingerprint


def test_the_block_of_an_erased_address_is_found_under_its_old_key(project: Project) -> None:
    erase(ContactFactory(project=project, email=EMAIL).as_set(), origin=by(ADMIN), requested_by_contact=True)
    with keys(NEW, OLD):
        rotate_key()
        assert Block.objects.get().fingerprint.startswith("old:")
        assert not may_be_sent_to(ContactFactory(project=project, email=EMAIL.upper()))
        assert Block.objects.get().fingerprint.startswith("new:")
        assert list(differences()) == []


def test_it_is_found_after_a_second_rotation(project: Project) -> None:
    erase(ContactFactory(project=project, email=EMAIL).as_set(), origin=by(ADMIN), requested_by_contact=True)
    with keys(NEW, OLD):
        rotate_key()
    with keys(NEWER, NEW, OLD):
        rotate_key()
        check_keys()
        mover = ContactFactory(project=project, email="elsewhere@example.org")
        change_address(mover, "email", EMAIL, origin=by(EDITOR))
        assert not may_be_sent_to(mover)


def test_it_is_listed_and_lifted_as_one_block(project: Project) -> None:
    address = normalise("email", EMAIL)
    suppress([address], organization=project.organization, project=project, origin=asked())
    Block.objects.update(address=None)
    with keys(NEW, OLD):
        rotate_key()
        suppress([normalise("email", EMAIL)], organization=project.organization, project=project, origin=asked())
        assert Block.objects.count() == 1
        lift(Block.objects.all(), origin=by(EDITOR), authorization=authorized_everywhere()).or_raise()
        assert may_be_sent_to(ContactFactory(project=project, email=EMAIL))


def test_an_erasure_finds_addresses_of_before_that_were_put_under_an_older_key(project: Project) -> None:
    contact = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), "email", origin=by_link())
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    with keys(NEW, OLD):
        rotate_key()
        erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
        assert set(Block.objects.values_list("address", flat=True)) == {None}
        assert {mark.partition(":")[0] for mark in Block.objects.values_list("fingerprint", flat=True)} == {"new"}
        assert Block.objects.count() == 2
        assert not may_be_sent_to(ContactFactory(project=project, email=EMAIL))
        assert list(differences()) == []


def test_an_erasure_finds_a_block_of_before_whose_address_is_forgotten(project: Project) -> None:
    """Under the old key, without an address: the erased contact's history tells which it is."""
    contact = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), "email", origin=by_link())
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    Block.objects.update(address=None)
    with keys(NEW, OLD):
        rotate_key()
        erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
        assert not may_be_sent_to(ContactFactory(project=project, email=EMAIL))
        assert list(differences()) == []


def test_the_command_says_what_it_did(project: Project) -> None:
    ContactFactory(project=project, email=EMAIL)
    with keys(NEW, OLD):
        out = StringIO()
        call_command("rotate_fingerprint_key", stdout=out)
        assert "1" in out.getvalue() and "new" in out.getvalue()
        assert EMAIL not in out.getvalue()
