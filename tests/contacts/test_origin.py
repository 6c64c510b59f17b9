"""Origins: whose word a change is, whatever the door."""

from __future__ import annotations

import dataclasses
import uuid

import pytest

from contacts.origin import THE_CONTACT, THE_SYSTEM, Actor, Origin
from contacts.vocabulary import ActorKind, Method, Reason, Weight
from tests.factories import UserFactory
from tests.origins import EDITOR, by


@pytest.mark.parametrize("method", Method.values)
@pytest.mark.parametrize("reason", ["", *Reason.values])
def test_whose_word_a_no_is(method: str, reason: str) -> None:
    """A complaint outweighs the person's own act, that a request written down, and that everything of ours."""
    expected = Weight.OURS
    if reason in ("verbal_request", "written_request"):
        expected = Weight.REPORTED
    if method in ("opt_out_link", "form", "sms", "mail") or reason in ("own_request", "stop"):
        expected = Weight.OWN
    if method == "spam_report" or reason == "complaint":
        expected = Weight.COMPLAINT
    assert Origin(Method(method), THE_SYSTEM, reason).weight_of_no == expected


def test_each_origin_is_a_request_of_its_own() -> None:
    assert by(EDITOR).request_id != by(EDITOR).request_id


def test_a_request_keeps_its_id_when_more_is_said() -> None:
    origin = Origin(Method.MANUAL, EDITOR, request_id=uuid.uuid4())
    assert origin.saying(note="more").request_id == origin.request_id
    assert origin.note == ""


def test_an_origin_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        by(EDITOR).actor = THE_CONTACT  # type: ignore[misc]


def test_nobody_has_authority_unless_it_is_given() -> None:
    assert Actor(ActorKind.USER, 1).authority == Weight.OURS
    assert THE_CONTACT.authority == THE_SYSTEM.authority == Weight.OURS
    assert not Actor(ActorKind.USER, 1).may_undo_others


@pytest.mark.django_db
def test_a_click_names_the_user() -> None:
    user = UserFactory(name="Edgar Editor")
    origin = Origin.manual(user, authority=Weight.REPORTED, note="why")
    assert (origin.method, origin.note) == (Method.MANUAL, "why")
    assert origin.actor == Actor(ActorKind.USER, user.pk, "Edgar Editor", Weight.REPORTED)
