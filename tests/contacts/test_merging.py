"""Merging two contacts: a no of either stays, both histories are kept, the old key finds who stayed."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from contacts.addresses import normalise
from contacts.eligibility import Question, explain, project_audience
from contacts.errors import AuthorizationRequired, CannotUndo, ContactMerged, NotAllowed, NothingToDo, StaleConfirmation
from contacts.models import Block, ChannelStatus, Contact, ErasureReceipt, Project, RelationalRow, StatusHistory
from contacts.services.blocks import quarantine, suppress
from contacts.services.change import Change
from contacts.services.erasure import erase, erasure_preview
from contacts.services.merging import merge, merge_preview
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import Details, change_address, change_key, set_validity, update_details
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, Reason, Says, Weight
from tests.factories import (
    ContactFactory,
    ProjectFactory,
    RelationalRowFactory,
    RelationalTableFactory,
    StatusHistoryFactory,
)
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    asked,
    authorized,
    by,
    by_bounce,
    by_complaint,
    by_link,
    days_ago,
)

pytestmark = pytest.mark.django_db


def united(survivor: Contact, other: Contact, **fields: Any) -> Change:
    """The merge, after which the register is sound; both are read anew."""
    change = merge(survivor, other, origin=fields.pop("origin", None) or by(EDITOR), **fields)
    for contact in (survivor, other):
        contact.refresh_from_db()
    assert_sound()
    return change


def assert_sound() -> None:
    assert [str(difference) for difference in differences()] == []


def row(contact: Contact, channel: str = "email") -> ChannelStatus:
    return ChannelStatus.objects.get(contact=contact, channel=channel)


def sendable(contact: Contact, channel: str = "email", **moments: Any) -> bool | None:
    verdict = explain(contact, Question(channel, **moments))
    return verdict.sendable if verdict else None


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="A-1", first_name="Ann", email="ann@example.org")


@pytest.fixture
def anna(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="A-2", first_name="Anna", last_name="Roy", email="anna@example.org", sms="+14185550137"
    )


# What becomes of the two


def test_one_stays_and_the_other_leads_to_them(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    assert anna.merged_into_id == ann.pk
    assert list(Contact.objects.in_project(ann.project)) == [ann]
    assert not ChannelStatus.objects.filter(contact=anna).exists()
    assert project_audience(ann.project, Question("email")).total == 1
    assert sendable(anna) is None
    said = StatusHistory.objects.filter(aspect=Aspect.MERGE).order_by("pk")
    assert [(entry.contact_id, entry.from_value, entry.to_value, entry.actor_label) for entry in said] == [
        (anna.pk, "", str(ann.pk), "Edgar Editor"),
        (ann.pk, str(anna.pk), "", "Edgar Editor"),
    ]
    assert said[0].recorded_at == anna.merged_at


def test_details_fill_each_other(project: Project) -> None:
    table = RelationalTableFactory(project=project)
    staying = ContactFactory(
        project=project, first_name="Ann", notes="Front row.", attributes={"city": "Gaspé", "shoe": ""}
    )
    going = ContactFactory(
        project=project, first_name="Anna", last_name="Roy", language="fr", notes="Wheelchair.",
        attributes={"city": "Québec", "shoe": "38", "child": "2"},
    )  # fmt: skip
    RelationalRowFactory(contact=going, table=table)
    assert merge_preview(staying, going).moved == {"relational": 1}
    united(staying, going)
    assert (staying.first_name, staying.last_name, staying.language) == ("Ann", "Roy", "fr")
    assert staying.notes == "Front row.\n\nWheelchair."
    assert staying.attributes == {"city": "Gaspé", "shoe": "38", "child": "2"}
    assert RelationalRow.objects.get().contact == staying


def test_addresses_that_are_missing_are_taken_over_and_others_stay(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    assert (row(ann).address, row(ann, "sms").address) == ("ann@example.org", "+1 418-555-0137")


def test_an_address_may_be_chosen(ann: Contact, anna: Contact) -> None:
    united(ann, anna, take=frozenset({"email", "push"}))
    assert row(ann).address == "anna@example.org"
    change = StatusHistory.objects.filter(contact=ann, aspect=Aspect.ADDRESS, channel="email").latest("pk")
    assert (change.from_value, change.to_value, change.reason) == ("ann@example.org", "anna@example.org", Reason.MERGED)


def test_blocks_on_an_address_that_is_taken_over_hold(ann: Contact, anna: Contact) -> None:
    quarantine(anna.as_set(), "sms", origin=by_bounce())
    suppress([normalise("email", "anna@example.org")], organization=ann.organization, origin=by_complaint())
    united(ann, anna)
    assert row(ann, "sms").quarantined
    assert not row(ann).suppressed
    assert Block.objects.filter(kind="suppression").get().is_on


def test_an_address_that_is_not_valid_stays_so(project: Project, anna: Contact) -> None:
    """By whichever of the two it was marked."""
    staying = ContactFactory(project=project, email="anna@example.org")
    for channel in ("email", "sms"):
        set_validity(anna, channel, False, origin=by(EDITOR))
    united(staying, anna)
    assert not row(staying).is_valid
    assert not row(staying, "sms").is_valid


# A no of either stays


@pytest.mark.parametrize("origin", [by(EDITOR), asked(), by_link(), by_complaint()], ids=["0", "1", "2", "3"])
def test_a_no_of_who_goes_stops_who_stays(ann: Contact, anna: Contact, origin: Any) -> None:
    """Also where who stays said yes since: that yes knew nothing of this no."""
    weight = origin.weight_of_no
    deactivate(anna.as_set(), origin=origin)
    opt_out(anna.as_set(), "email", origin=origin.saying(request_id=uuid.uuid4()))
    deactivate(ann.as_set(), origin=by(EDITOR))
    activate(ann.as_set(), origin=by(ORGANIZATION_ADMIN, Reason.AUTHORIZED), authorization=authorized())
    before = timezone.now()
    united(ann, anna)
    assert not ann.is_active
    assert row(ann).own_opt_out
    assert row(ann).opted_out
    assert sendable(ann) is False
    carried = StatusHistory.objects.filter(contact=ann, reason=Reason.MERGED, says=Says.NO)
    assert sorted(carried.values_list("aspect", "weight")) == [("active", weight), ("opt_out", weight)]
    assert {entry.repeats for entry in carried} == set(
        StatusHistory.objects.filter(contact=anna, says=Says.NO).values_list("pk", flat=True)
    )
    assert (sendable(ann, at=before), sendable(anna, at=before)) == (True, False)
    assert sendable(ann, at=timezone.now()) is False
    assert sendable(anna, at=timezone.now()) is None


def test_a_no_of_who_stays_is_not_lifted_by_a_yes_of_who_goes(ann: Contact, anna: Contact) -> None:
    deactivate(ann.as_set(), origin=by_link())
    deactivate(anna.as_set(), origin=by(EDITOR))
    activate(anna.as_set(), origin=by(ORGANIZATION_ADMIN, Reason.AUTHORIZED), authorization=authorized())
    united(ann, anna)
    assert not ann.is_active
    assert not StatusHistory.objects.filter(contact=ann, reason=Reason.MERGED, says=Says.NO).exists()


def test_a_no_that_was_lifted_is_not_carried_over(ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=asked())
    activate(anna.as_set(), origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized())
    united(ann, anna)
    assert ann.is_active
    assert sendable(ann)


def test_noes_of_every_weight_count_for_who_may_lift(ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=asked())
    deactivate(anna.as_set(), origin=by_complaint())
    deactivate(ann.as_set(), origin=by_link())
    united(ann, anna)
    word = authorized()
    for actor in (EDITOR, ADMIN):
        change = activate(ann.as_set(), origin=by(actor, Reason.AUTHORIZED), authorization=word)
        assert isinstance(change.skipped[0].error, AuthorizationRequired)
    activate(ann.as_set(), origin=by(ORGANIZATION_ADMIN, Reason.AUTHORIZED), authorization=word)
    ann.refresh_from_db()
    assert ann.is_active
    assert_sound()


def test_each_is_as_they_were_before_the_merge(ann: Contact, anna: Contact) -> None:
    opt_out(anna.as_set(), "sms", origin=by_link())
    before = timezone.now()
    united(ann, anna, take=frozenset({"email"}))
    question = Question("email", at=before)
    for contact, address in ((ann, "ann@example.org"), (anna, "anna@example.org")):
        verdict = explain(contact, question)
        assert verdict
        assert (verdict.address, verdict.sendable) == (address, True)
    assert (sendable(ann, "sms", at=before), sendable(anna, "sms", at=before)) == (False, False)
    then = project_audience(ann.project, question)
    assert (then.total, then.eligible) == (2, 2)
    after = project_audience(ann.project, Question("email", at=timezone.now()))
    assert (after.total, after.eligible) == (1, 1)
    known_before = project_audience(ann.project, Question("email", known_at=before))
    assert known_before.total == 2


def test_who_was_merged_before_follows(project: Project, ann: Contact, anna: Contact) -> None:
    third = ContactFactory(project=project, key="A-3", email="a.roy@example.org")
    deactivate(third.as_set(), origin=by_link())
    united(anna, third)
    united(ann, anna)
    third.refresh_from_db()
    assert third.merged_into_id == ann.pk
    assert not ann.is_active
    carried = StatusHistory.objects.filter(contact__in=[ann, anna], reason=Reason.MERGED, says=Says.NO)
    original = StatusHistory.objects.get(contact=third, says=Says.NO)
    assert set(carried.values_list("repeats", flat=True)) == {original.pk}


def test_a_no_that_was_lifted_between_two_merges_stays_lifted(project: Project, ann: Contact, anna: Contact) -> None:
    third = ContactFactory(project=project, key="A-3")
    deactivate(third.as_set(), origin=by_link())
    united(anna, third)
    activate(anna.as_set(), origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized())
    united(ann, anna)
    assert ann.is_active


# What is done to who was merged is done to who stayed


def test_a_no_that_reaches_who_was_merged_reaches_who_stayed(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    deactivate(anna.as_set(), origin=by_link())
    opt_out(anna.as_set(), "sms", origin=by_link())
    ann.refresh_from_db()
    assert not ann.is_active
    assert row(ann, "sms").opted_out
    assert not StatusHistory.objects.filter(contact=anna, says=Says.NO).exists()
    assert_sound()


def test_a_yes_to_who_was_merged_is_weighed_against_who_stayed(ann: Contact, anna: Contact) -> None:
    deactivate(ann.as_set(), origin=by_link())
    united(ann, anna)
    change = activate(anna.as_set(), origin=by(EDITOR, Reason.AUTHORIZED), authorization=authorized())
    assert isinstance(change.skipped[0].error, AuthorizationRequired)
    lift = lift_opt_out(anna.as_set(), "email", origin=by(EDITOR, Reason.AUTHORIZED), authorization=authorized())
    assert lift.recorded == 0


def test_a_request_that_is_sent_again_after_the_merge_adds_nothing(ann: Contact, anna: Contact) -> None:
    origin = by_link()
    deactivate(anna.as_set(), origin=origin)
    united(ann, anna)
    entries = StatusHistory.objects.count()
    assert deactivate(anna.as_set(), origin=origin).repeated == 1
    assert StatusHistory.objects.count() == entries


def test_corrections_of_who_was_merged_are_refused(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    with pytest.raises(ContactMerged):
        change_address(anna, "email", "new@example.org", origin=by(EDITOR))
    with pytest.raises(ContactMerged):
        change_key(anna, "A-9", origin=by(EDITOR))
    with pytest.raises(ContactMerged):
        set_validity(anna, "email", False, origin=by(EDITOR))
    with pytest.raises(ContactMerged):
        update_details(anna, Details(first_name="Ann"))
    assert_sound()


def test_a_suppression_through_who_was_merged_is_told_of_who_stayed(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    suppress(
        [normalise("email", "anna@example.org")], organization=ann.organization, recorded_in=ann.project,
        contact=anna, origin=by_complaint(),
    )  # fmt: skip
    assert StatusHistory.objects.get(aspect=Aspect.SUPPRESSION).contact_id == ann.pk
    assert_sound()


# What is refused


def test_the_same_request_twice_merges_once(ann: Contact, anna: Contact) -> None:
    origin = by(EDITOR)
    united(ann, anna, origin=origin)
    entries = StatusHistory.objects.count()
    assert merge(ann, anna, origin=origin).repeated == 1
    assert StatusHistory.objects.count() == entries
    with pytest.raises(NothingToDo):
        merge(ann, anna, origin=by(EDITOR))
    with pytest.raises(ContactMerged):
        merge(anna, ann, origin=by(EDITOR))


def test_one_with_themselves(ann: Contact) -> None:
    with pytest.raises(NothingToDo):
        merge(ann, ann, origin=by(EDITOR))


def test_of_two_projects(ann: Contact) -> None:
    elsewhere = ContactFactory(project=ProjectFactory(organization=ann.organization))
    with pytest.raises(NotAllowed):
        merge(ann, elsewhere, origin=by(EDITOR))


@pytest.mark.parametrize("what", ["no", "address", "details", "row"])
def test_a_confirmation_goes_stale(ann: Contact, anna: Contact, what: str) -> None:
    seen = merge_preview(ann, anna).digest
    assert seen == merge_preview(ann, anna).digest
    if what == "no":
        deactivate(anna.as_set(), origin=by_link())
    elif what == "address":
        change_address(ann, "email", "new@example.org", origin=by(EDITOR))
    elif what == "details":
        update_details(anna, Details(first_name="Annabel"))
    else:
        RelationalRowFactory(contact=anna)
    with pytest.raises(StaleConfirmation):
        merge(Contact.objects.get(pk=ann.pk), anna, origin=by(EDITOR), expected=seen)
    anna.refresh_from_db()
    assert anna.merged_into is None


# Taking back


def test_a_slip_that_is_taken_back_falls_with_what_was_carried_over(ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=asked())
    slip = StatusHistory.objects.get(contact=anna, says=Says.NO)
    united(ann, anna)
    undo(StatusHistory.objects.filter(pk=slip.pk), origin=by(EDITOR, Reason.SLIP))
    ann.refresh_from_db()
    assert ann.is_active
    assert_sound()


def test_what_was_carried_over_cannot_be_taken_back_by_itself(ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=asked())
    united(ann, anna)
    carried = StatusHistory.objects.filter(contact=ann, reason=Reason.MERGED)
    change = undo(carried, origin=by(ORGANIZATION_ADMIN, Reason.SLIP))
    assert change.recorded == 0
    assert isinstance(change.skipped[0].error, CannotUndo)
    ann.refresh_from_db()
    assert not ann.is_active


def test_a_yes_that_is_taken_back_lets_the_no_stand_for_who_stayed(ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=by_link())
    activate(anna.as_set(), origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized())
    united(ann, anna)
    assert ann.is_active
    yes = StatusHistory.objects.get(contact=anna, says=Says.YES, weight=Weight.OWN)
    undo(StatusHistory.objects.filter(pk=yes.pk), origin=by(ADMIN, Reason.SLIP))
    ann.refresh_from_db()
    assert not ann.is_active
    assert_sound()


def test_a_yes_between_two_merges_that_is_taken_back(project: Project, ann: Contact, anna: Contact) -> None:
    third = ContactFactory(project=project, key="A-3")
    deactivate(third.as_set(), origin=by_link())
    united(anna, third)
    activate(anna.as_set(), origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized())
    united(ann, anna)
    yes = StatusHistory.objects.get(contact=anna, says=Says.YES, weight=Weight.OWN)
    undo(StatusHistory.objects.filter(pk=yes.pk), origin=by(ADMIN, Reason.SLIP))
    ann.refresh_from_db()
    assert not ann.is_active
    assert_sound()


# Erasure


def test_erasing_who_stayed_erases_both(ann: Contact, anna: Contact) -> None:
    opt_out(anna.as_set(), "sms", origin=by_link())
    deactivate(anna.as_set(), origin=asked(note="Rhubarb."))
    united(ann, anna)
    numbers = [ann.pk, anna.pk]
    seen = erasure_preview(ann.as_set())
    assert seen.digest == erasure_preview(anna.as_set()).digest
    [receipt] = erase(ann.as_set(), origin=by(ADMIN), requested_by_contact=False, expected=seen.digest)
    assert not Contact.objects.filter(pk__in=numbers).exists()
    assert not StatusHistory.objects.filter(contact__in=numbers, block__isnull=True).exists()
    receipts = {found.contact_number: found for found in ErasureReceipt.objects.all()}
    assert receipts[numbers[0]] == receipt
    assert receipts[numbers[1]].merged_into_number == numbers[0]
    assert {line.key: line.number for line in seen.lines if line.number} == receipt.counts
    blocked = Block.objects.on().filter(kind="opt_out")
    kept = {block.fingerprint for block in blocked}
    for text in ("ann@example.org", "anna@example.org"):
        assert normalise("email", text).fingerprint in kept
    assert normalise("sms", "+14185550137").fingerprint in kept
    assert_sound()


def test_erasing_who_was_merged_erases_the_person(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    [receipt] = erase(anna.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert receipt.contact_number == ann.pk
    assert not Contact.objects.filter(project=ann.project).exists()
    assert_sound()


def test_an_older_no_that_arrives_late_is_judged_by_the_history_of_who_stayed(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    deactivate(anna.as_set(), origin=asked(occurred_at=days_ago(3)))
    ann.refresh_from_db()
    assert not ann.is_active
    entry = StatusHistory.objects.get(contact=ann, says=Says.NO)
    assert entry.recorded_at - entry.occurred_at > timedelta(days=2)


def test_verify_names_a_no_that_was_left_behind(ann: Contact, anna: Contact) -> None:
    united(ann, anna)
    StatusHistoryFactory(contact=anna, weight=Weight.OWN)
    assert any("not carried over" in str(difference) for difference in differences())


# Whatever was said to either before

some_words = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["switch", "email", "sms"]),
        st.sampled_from([by(EDITOR), asked(), by_link(), by_complaint(), None]),
        st.integers(0, 2),
    ),
    max_size=7,
)


def say(contact: Contact, gate: str, origin: Any, days_back: int) -> None:
    """A no of this origin, so many days ago; or, without one, a yes of today to all that stands."""
    if origin is None:
        word = {"origin": by(ORGANIZATION_ADMIN, Reason.AUTHORIZED), "authorization": authorized()}
        if gate == "switch":
            activate(contact.as_set(), **word)
        else:
            lift_opt_out(contact.as_set(), gate, **word)
        return
    no = origin.saying(request_id=uuid.uuid4(), occurred_at=days_ago(days_back) if days_back else None)
    if gate == "switch":
        deactivate(contact.as_set(), origin=no)
    else:
        opt_out(contact.as_set(), gate, origin=no)


def gates_of(contact: Contact) -> dict[str, bool]:
    """Whether each of a contact's own gates is shut."""
    own = {channel: row(contact, channel).own_opt_out for channel in ("email", "sms")}
    return {"switch": not Contact.objects.get(pk=contact.pk).is_active, **own}


@settings(max_examples=8, deadline=None)
@given(words=some_words, take=st.sets(st.sampled_from(["email", "sms"])), later=some_words)
def test_who_stays_is_open_only_where_both_were(words: list[Any], take: set[str], later: list[Any]) -> None:
    """The gates of one contact are the union of both, and then those of a contact like any other."""
    with transaction.atomic():
        project = ProjectFactory()
        pair = [ContactFactory(project=project, email=f"{n}@example.org", sms=f"+1418555013{n}") for n in range(2)]
        for first, *word in words:
            say(pair[0 if first else 1], *word)
        before = timezone.now()
        shut = [gates_of(contact) for contact in pair]
        then = [[sendable(contact, channel, at=before) for channel in ("email", "sms")] for contact in pair]
        staying, going = pair
        united(staying, going, take=frozenset(take))
        assert staying.is_active == (not shut[0]["switch"] and not shut[1]["switch"])
        for channel in ("email", "sms"):
            own = ChannelStatus.objects.get(contact=staying, channel=channel).own_opt_out
            assert own == (shut[0][channel] or shut[1][channel])
            if any(gates["switch"] or gates[channel] for gates in shut):
                assert not sendable(staying, channel)
        assert [[sendable(contact, channel, at=before) for channel in ("email", "sms")] for contact in pair] == then
        for _first, *word in later:
            say(going, *word)
        assert not StatusHistory.objects.filter(contact=going, recorded_at__gt=going.merged_at).exists()
        assert_sound()
        transaction.set_rollback(True)
