"""The rules of the register by name: who may lift which no, when a word counts, what is recorded, taken back."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from django.utils import timezone

from contacts.addresses import normalise
from contacts.eligibility import Question, explain
from contacts.errors import (
    AuthorizationRequired,
    AuthorizationTooOld,
    CannotUndo,
    ContactGone,
    InTheFuture,
    NotAllowed,
    NothingToDo,
)
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.origin import THE_SYSTEM, Actor, Origin
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.erasure import erase
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import Details, change_address, change_key, set_validity, update_details
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.vocabulary import ActorKind, Aspect, Cause, Channel, Method, Reason, Says, Weight
from tests.clock import at
from tests.factories import ContactFactory, ProjectFactory
from tests.origins import (
    ADMIN,
    EDITOR,
    ORGANIZATION_ADMIN,
    OTHER_EDITOR,
    TOKEN,
    asked,
    authorized,
    authorized_everywhere,
    by,
    by_bounce,
    by_complaint,
    by_link,
    days_ago,
)

pytestmark = pytest.mark.django_db

EMAIL = "ann@example.org"


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="ANN", email=EMAIL, sms="+14185550137")


def may_be_sent_to(contact: Contact, channel: str = Channel.EMAIL) -> bool:
    verdict = explain(contact, Question(channel))
    assert verdict is not None
    return verdict.sendable


def is_active(contact: Contact) -> bool:
    return Contact.objects.get(pk=contact.pk).is_active


def entries(contact: Contact, **about: object) -> list[StatusHistory]:
    return list(StatusHistory.objects.filter(contact=contact, **about).exclude(reason=Reason.CREATED).order_by("pk"))


def reactivate(contact: Contact, actor: Actor, *covers: str, day: date | None = None) -> None:
    activate(contact.as_set(), origin=by(actor, Reason.AUTHORIZED), authorization=authorized(day, *covers)).or_raise()


# Deactivate


def test_an_inactive_contact_is_sent_nothing_on_any_channel(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    assert [may_be_sent_to(contact, channel) for channel in Channel.values] == [False] * 3


def test_deactivating_changes_nothing_else(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.SMS, origin=by_link())
    columns = ("address", "is_valid", "own_opt_out", "opted_out", "quarantined", "suppressed")
    before = list(ChannelStatus.objects.order_by("pk").values_list(*columns))
    details = Contact.objects.values("key", "first_name", "attributes", "notes", "updated_at").get(pk=contact.pk)
    deactivate(contact.as_set(), origin=by(EDITOR))
    assert list(ChannelStatus.objects.order_by("pk").values_list(*columns)) == before
    assert Contact.objects.values(*details).get(pk=contact.pk) == details


def test_deactivation_tells_who_when_and_why(contact: Contact) -> None:
    before = timezone.now()
    deactivate(contact.as_set(), origin=asked(note="Called at noon", requested_on=before.date()))
    [entry] = entries(contact)
    assert (entry.actor_kind, entry.actor_number, entry.actor_label) == ("user", 1, "Edgar Editor")
    assert (entry.method, entry.reason, entry.weight) == ("manual", "verbal_request", Weight.REPORTED)
    assert (entry.from_value, entry.to_value) == ("active", "inactive")
    assert before <= entry.occurred_at == entry.recorded_at <= timezone.now()
    assert entry.requested_on == before.date()
    assert entry.detail.note == "Called at noon"


# Who may activate again


@pytest.mark.parametrize("actor", [EDITOR, ADMIN, ORGANIZATION_ADMIN, TOKEN])
def test_reactivation_after_our_own_decision_takes_any_authorization(contact: Contact, actor: Actor) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    reactivate(contact, actor)
    assert may_be_sent_to(contact)


@pytest.mark.parametrize("actor", [EDITOR, ADMIN, ORGANIZATION_ADMIN, TOKEN])
def test_reactivation_after_a_request_that_was_written_down_takes_an_editor(contact: Contact, actor: Actor) -> None:
    deactivate(contact.as_set(), origin=asked())
    reactivate(contact, actor)
    assert may_be_sent_to(contact)


def test_reactivation_after_the_persons_own_act_needs_an_admin(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_link())
    with pytest.raises(AuthorizationRequired):
        reactivate(contact, EDITOR)
    assert not is_active(contact)
    reactivate(contact, ADMIN)
    assert is_active(contact)


def test_reactivation_after_spam_report_needs_an_organization_admin(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_complaint())
    for actor in (EDITOR, ADMIN, TOKEN):
        with pytest.raises(AuthorizationRequired):
            reactivate(contact, actor)
    assert not is_active(contact)
    reactivate(contact, ORGANIZATION_ADMIN)
    assert is_active(contact)


def test_a_token_without_the_scope_lifts_nobodys_no(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    with pytest.raises(AuthorizationRequired):
        reactivate(contact, Actor(ActorKind.TOKEN, 9, "Shop"))
    assert not is_active(contact)


def test_an_earlier_no_stands_under_a_lighter_one(contact: Contact) -> None:
    """The last no is not the one that decides."""
    deactivate(contact.as_set(), origin=by_link())
    deactivate(contact.as_set(), origin=by(EDITOR))
    with pytest.raises(AuthorizationRequired):
        reactivate(contact, EDITOR)


def test_activating_opts_nobody_in(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=asked())
    deactivate(contact.as_set(), origin=asked())
    reactivate(contact, ADMIN)
    assert is_active(contact)
    assert not may_be_sent_to(contact)
    assert may_be_sent_to(contact, Channel.SMS)


def test_an_authorization_covers_the_opt_outs_it_names(contact: Contact) -> None:
    for channel in (Channel.EMAIL, Channel.SMS):
        opt_out(contact.as_set(), channel, origin=asked())
    deactivate(contact.as_set(), origin=asked())
    reactivate(contact, EDITOR, Channel.EMAIL)
    assert may_be_sent_to(contact)
    assert not may_be_sent_to(contact, Channel.SMS)


def test_an_authorization_covers_no_opt_out_that_weighs_more(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    deactivate(contact.as_set(), origin=asked())
    reactivate(contact, EDITOR, Channel.EMAIL)
    assert is_active(contact)
    assert not may_be_sent_to(contact)


def test_a_bulk_activation_leaves_those_alone_who_said_no_themselves(project: Project) -> None:
    ours, theirs = ContactFactory(project=project, email=EMAIL), ContactFactory(project=project)
    deactivate(ours.as_set(), origin=by(EDITOR))
    deactivate(theirs.as_set(), origin=by_link())
    everybody = Contact.objects.in_project(project)
    change = activate(everybody, origin=by(EDITOR, Reason.AUTHORIZED), authorization=authorized())
    assert (is_active(ours), is_active(theirs)) == (True, False)
    assert [skipped.ids for skipped in change.skipped] == [(theirs.pk,)]
    assert change.skipped[0].error.code == "authorization_required"


# When a word counts


def test_an_authorization_of_before_the_no_is_refused(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    with pytest.raises(AuthorizationTooOld):
        reactivate(contact, ADMIN, day=timezone.now().date() - timedelta(days=2))
    assert not is_active(contact)


def test_an_authorization_of_the_same_day_is_believed(project: Project) -> None:
    with at(datetime(2026, 3, 10, 15, tzinfo=UTC)):
        contact = ContactFactory(project=project, email=EMAIL)
        deactivate(contact.as_set(), origin=asked())
        reactivate(contact, EDITOR, day=date(2026, 3, 10))
        assert may_be_sent_to(contact)


def test_the_day_of_an_authorization_is_one_of_the_projects_time_zone(project: Project) -> None:
    with at(datetime(2026, 3, 10, 3, tzinfo=UTC)):  # still the 9th in Toronto
        contact = ContactFactory(project=project, email=EMAIL)
        deactivate(contact.as_set(), origin=asked())
        with pytest.raises(InTheFuture):
            reactivate(contact, EDITOR, day=date(2026, 3, 10))
        reactivate(contact, EDITOR, day=date(2026, 3, 9))


def test_word_at_is_the_day_of_the_authorization_or_just_after_the_last_no(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked(occurred_at=days_ago(9)))
    reactivate(contact, EDITOR, day=timezone.now().astimezone(contact.project.zone).date())
    no, yes = entries(contact)
    zone = contact.project.zone
    today = timezone.now().astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    assert yes.word_at == today

    deactivate(contact.as_set(), origin=asked())
    reactivate(contact, EDITOR, day=timezone.now().astimezone(zone).date())
    *_earlier, no, yes = entries(contact)
    assert yes.word_at == no.occurred_at + timedelta(microseconds=1)
    assert yes.occurred_at == yes.recorded_at > no.recorded_at


def test_a_late_no_of_before_the_yes_changes_nothing_and_says_so(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked(occurred_at=days_ago(9)))
    reactivate(contact, EDITOR)
    change = deactivate(contact.as_set(), origin=asked(occurred_at=days_ago(5)))
    assert (change.changed, change.confirmed) == (0, 1)
    assert is_active(contact)
    assert entries(contact)[-1].is_late


def test_a_late_no_that_weighs_more_than_the_yes_shuts(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked(occurred_at=days_ago(9)))
    reactivate(contact, EDITOR)
    deactivate(contact.as_set(), origin=by_link(occurred_at=days_ago(5)))
    assert not is_active(contact)


def test_the_future_is_refused(contact: Contact) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    for change in (
        lambda: deactivate(contact.as_set(), origin=asked(occurred_at=tomorrow)),
        lambda: opt_out(contact.as_set(), Channel.EMAIL, origin=by_link(occurred_at=tomorrow)),
        lambda: quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce().saying(occurred_at=tomorrow)),
        lambda: suppress(
            [normalise(Channel.EMAIL, EMAIL)],
            organization=contact.organization,
            origin=by_complaint(occurred_at=tomorrow),
        ),
        lambda: reactivate(contact, ADMIN, day=timezone.now().date() + timedelta(days=2)),
    ):
        with pytest.raises(InTheFuture):
            change()
    assert entries(contact) == []
    assert not Block.objects.exists()


def test_recorded_at_rises_within_a_gate_even_when_the_clock_steps_back(project: Project) -> None:
    with at(datetime(2026, 3, 10, 15, tzinfo=UTC)) as clock:
        contact = ContactFactory(project=project, email=EMAIL)
        deactivate(contact.as_set(), origin=asked())
        clock.move_to(datetime(2026, 3, 10, 14, tzinfo=UTC))
        reactivate(contact, EDITOR, day=date(2026, 3, 10))
        moments = [entry.recorded_at for entry in StatusHistory.objects.filter(contact=contact).order_by("pk")]
        assert moments == sorted(set(moments))
        assert is_active(contact)


# The weight of a no, and of a yes


@pytest.mark.parametrize(
    ("origin", "weight"),
    [
        (by(EDITOR), Weight.OURS),
        (by(EDITOR, Reason.REPLACED), Weight.OURS),
        (by_bounce(), Weight.OURS),
        (Origin(Method.SYSTEM, THE_SYSTEM), Weight.OURS),
        (asked(), Weight.REPORTED),
        (by(EDITOR, Reason.WRITTEN_REQUEST), Weight.REPORTED),
        (Origin(Method.IMPORT, Actor(ActorKind.IMPORT, 1), Reason.WRITTEN_REQUEST), Weight.REPORTED),
        (by(TOKEN, Reason.OWN_REQUEST), Weight.OWN),
        (by_link(), Weight.OWN),
        (Origin(Method.FORM, THE_SYSTEM), Weight.OWN),
        (Origin(Method.SMS, THE_SYSTEM, Reason.STOP), Weight.OWN),
        (Origin(Method.MAIL, THE_SYSTEM), Weight.OWN),
        (by_complaint(), Weight.COMPLAINT),
    ],
)
def test_weight_of_a_no(contact: Contact, origin: Origin, weight: int) -> None:
    deactivate(contact.as_set(), origin=origin)
    assert entries(contact)[0].weight == weight


@pytest.mark.parametrize(
    ("actor", "weight"), [(EDITOR, 1), (ADMIN, 2), (TOKEN, 2), (ORGANIZATION_ADMIN, 3), (THE_SYSTEM, 0)]
)
def test_weight_of_a_yes(contact: Contact, actor: Actor, weight: int) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    reactivate(contact, actor)
    yes = entries(contact)[-1]
    assert (yes.says, yes.weight) == (Says.YES, weight)
    assert (yes.word_at is None) == (weight == 0)
    assert (yes.authorization_source, yes.detail.authorization_reference) == ("verbal", "call 17")


def test_lifting_without_an_authorization_weighs_nothing(contact: Contact) -> None:
    suppress(
        [normalise(Channel.EMAIL, EMAIL)], organization=contact.organization, project=contact.project, origin=asked()
    )
    with pytest.raises(AuthorizationRequired):
        lift(Block.objects.all(), origin=by(ADMIN, Reason.REACHABLE), recorded_in=contact.project).or_raise()
    assert not may_be_sent_to(contact)


# What is recorded


def test_every_request_is_recorded_also_when_the_gate_is_shut_already(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    change = deactivate(contact.as_set(), origin=asked())
    assert (change.changed, change.confirmed) == (0, 1)
    assert [entry.weight for entry in entries(contact)] == [0, 1]


def test_retry_adds_no_entry(contact: Contact) -> None:
    address = normalise(Channel.EMAIL, EMAIL)
    for call in (
        lambda origin: deactivate(contact.as_set(), origin=origin),
        lambda origin: activate(contact.as_set(), origin=origin, authorization=authorized()),
        lambda origin: opt_out(contact.as_set(), Channel.EMAIL, origin=origin),
        lambda origin: lift_opt_out(contact.as_set(), Channel.EMAIL, origin=origin, authorization=authorized()),
        lambda origin: quarantine(contact.as_set(), Channel.EMAIL, origin=origin),
        lambda origin: suppress([address], organization=contact.organization, project=contact.project, origin=origin),
        lambda origin: lift(Block.objects.filter(kind="suppression"), origin=origin),
        lambda origin: change_address(contact, Channel.EMAIL, "new@example.org", origin=origin),
        lambda origin: change_key(contact, "OTHER", origin=origin),
        lambda origin: set_validity(contact, Channel.EMAIL, False, origin=origin),
        lambda origin: undo(StatusHistory.objects.filter(aspect=Aspect.QUARANTINE, says=Says.NO), origin=origin),
    ):
        origin = by(ADMIN)
        first = call(origin)
        assert first.recorded
        number = StatusHistory.objects.count()
        again = call(origin)
        assert again.repeated
        assert StatusHistory.objects.count() == number


def test_a_retry_of_an_activation_does_not_lift_what_was_said_since(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=asked())
    origin = by(ADMIN, Reason.AUTHORIZED)
    activate(contact.as_set(), origin=origin, authorization=authorized(None, Channel.EMAIL))
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    change = activate(contact.as_set(), origin=origin, authorization=authorized(None, Channel.EMAIL))
    assert change.repeated == 1
    assert not may_be_sent_to(contact)


def test_a_retry_of_a_change_of_address_does_not_bring_the_old_one_back(contact: Contact) -> None:
    origin = by(EDITOR)
    change_address(contact, Channel.EMAIL, "first@example.org", origin=origin)
    change_address(contact, Channel.EMAIL, "second@example.org", origin=by(EDITOR))
    change_address(contact, Channel.EMAIL, "first@example.org", origin=origin)
    assert ChannelStatus.objects.get(contact=contact, channel=Channel.EMAIL).address == "second@example.org"


# Opt-outs: the person's, and the address's


def test_an_opt_out_follows_the_person_to_a_new_address(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    change_address(contact, Channel.EMAIL, "new@example.org", origin=by(EDITOR))
    assert not may_be_sent_to(contact)


def test_an_opt_out_without_an_address_waits_for_one(project: Project) -> None:
    contact = ContactFactory(project=project)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    change_address(contact, Channel.EMAIL, EMAIL, origin=by(EDITOR))
    assert not may_be_sent_to(contact)


def test_an_opt_out_stays_with_the_address_for_whoever_comes_to_it(contact: Contact, project: Project) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    change_address(contact, Channel.EMAIL, "", origin=by(EDITOR))
    for text in (EMAIL, EMAIL.upper(), f" {EMAIL} "):
        assert not may_be_sent_to(ContactFactory(project=project, email=text))


def test_address_that_comes_back_finds_its_block(contact: Contact) -> None:
    quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce())
    change_address(contact, Channel.EMAIL, "new@example.org", origin=by(EDITOR))
    assert may_be_sent_to(contact)
    change_address(contact, Channel.EMAIL, EMAIL, origin=by(EDITOR))
    assert not may_be_sent_to(contact)


def test_a_block_on_a_shared_address_holds_for_both(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email="Ann@Example.org")
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    assert not may_be_sent_to(other)
    assert not ChannelStatus.objects.get(contact=other).own_opt_out


def test_a_yes_of_another_contact_never_lifts_the_first_ones_no(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    lift_opt_out(
        other.as_set(), Channel.EMAIL, origin=by(ADMIN, Reason.AUTHORIZED), authorization=authorized()
    ).or_raise()
    assert may_be_sent_to(other)
    assert not may_be_sent_to(contact)


def test_an_editor_cannot_lift_anothers_own_no_through_a_shared_address(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    with pytest.raises(AuthorizationRequired):
        lift_opt_out(
            other.as_set(), Channel.EMAIL, origin=by(EDITOR, Reason.AUTHORIZED), authorization=authorized()
        ).or_raise()


def test_lifting_an_opt_out_at_a_new_address_leaves_the_old_one_blocked(contact: Contact) -> None:
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    change_address(contact, Channel.EMAIL, "new@example.org", origin=by(EDITOR))
    lift_opt_out(contact.as_set(), Channel.EMAIL, origin=by(ADMIN), authorization=authorized()).or_raise()
    assert may_be_sent_to(contact)
    change_address(contact, Channel.EMAIL, EMAIL, origin=by(EDITOR))
    assert not may_be_sent_to(contact)


def test_who_is_not_opted_out_is_told(contact: Contact) -> None:
    with pytest.raises(NothingToDo):
        lift_opt_out(contact.as_set(), Channel.EMAIL, origin=by(ADMIN), authorization=authorized()).or_raise()


# Blocks and their scopes


def test_lifting_one_cause_lifts_no_other(contact: Contact) -> None:
    address = [normalise(Channel.EMAIL, EMAIL)]
    for cause, origin in ((Cause.STOP, by_link()), (Cause.COMPLAINT, by_complaint())):
        suppress(address, organization=contact.organization, cause=cause, recorded_in=contact.project, origin=origin)
    lift(
        Block.objects.filter(cause=Cause.STOP), origin=by(ORGANIZATION_ADMIN), authorization=authorized(),
        recorded_in=contact.project,
    ).or_raise()  # fmt: skip
    assert not may_be_sent_to(contact)
    lift(
        Block.objects.filter(cause=Cause.COMPLAINT), origin=by(ORGANIZATION_ADMIN), authorization=authorized(),
        recorded_in=contact.project,
    ).or_raise()  # fmt: skip
    assert may_be_sent_to(contact)


@pytest.mark.parametrize("actor", [EDITOR, ADMIN, TOKEN, Actor(ActorKind.IMPORT, 3, "list.csv", Weight.OWN)])
def test_only_an_organization_admin_lifts_what_holds_in_the_whole_organization(contact: Contact, actor: Actor) -> None:
    suppress([normalise(Channel.EMAIL, EMAIL)], organization=contact.organization, origin=by(ORGANIZATION_ADMIN))
    with pytest.raises(NotAllowed):
        lift(Block.objects.all(), origin=by(actor), authorization=authorized(), recorded_in=contact.project).or_raise()
    assert not may_be_sent_to(contact)


def test_a_project_does_not_lift_a_block_of_another(contact: Contact, other_project: Project) -> None:
    quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce())
    sibling = ProjectFactory(organization=contact.organization)
    for project in (other_project, sibling):
        with pytest.raises(NotAllowed):
            lift(Block.objects.all(), origin=by(ADMIN, Reason.REACHABLE), recorded_in=project).or_raise()
    assert not may_be_sent_to(contact)


def test_a_block_of_one_project_does_not_hold_in_another(contact: Contact) -> None:
    sibling = ContactFactory(project=ProjectFactory(organization=contact.organization), email=EMAIL)
    opt_out(contact.as_set(), Channel.EMAIL, origin=by_link())
    quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce())
    assert may_be_sent_to(sibling)


def test_the_organizations_list_holds_in_all_its_projects_and_in_no_other(
    contact: Contact, other_project: Project
) -> None:
    sibling = ContactFactory(project=ProjectFactory(organization=contact.organization), email=EMAIL)
    stranger = ContactFactory(project=other_project, email=EMAIL)
    before = ChannelStatus.objects.values().get(contact=stranger)
    suppress([normalise(Channel.EMAIL, EMAIL)], organization=contact.organization, origin=by_complaint())
    assert [may_be_sent_to(somebody) for somebody in (contact, sibling, stranger)] == [False, False, True]
    assert ChannelStatus.objects.values().get(contact=stranger) == before


def test_a_quarantine_is_lifted_by_an_editor_with_a_reason(contact: Contact) -> None:
    quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce())
    assert may_be_sent_to(contact, Channel.SMS)
    lift(Block.objects.on(), origin=by(EDITOR, Reason.REACHABLE), recorded_in=contact.project).or_raise()
    assert may_be_sent_to(contact)


def test_who_has_no_address_cannot_be_quarantined(project: Project) -> None:
    contact = ContactFactory(project=project)
    change = quarantine(contact.as_set(), Channel.EMAIL, origin=by_bounce())
    assert (change.recorded, change.skipped_count) == (0, 1)


def test_entries_of_a_projects_block_stand_in_its_project(contact: Contact) -> None:
    suppress(
        [normalise(Channel.EMAIL, EMAIL)], organization=contact.organization, project=contact.project, origin=asked()
    )
    lift(Block.objects.all(), origin=by(ADMIN), authorization=authorized_everywhere())
    assert set(StatusHistory.objects.filter(block__isnull=False).values_list("project", flat=True)) == {
        contact.project_id
    }


# Undo


def test_an_undo_of_a_slip_opens_again_and_both_stay_in_the_history(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    [slip] = entries(contact)
    undo(StatusHistory.objects.filter(pk=slip.pk), origin=by(EDITOR)).or_raise()
    assert is_active(contact)
    assert [entry.says for entry in entries(contact)] == [Says.NO, Says.VOID]


def test_an_undo_cannot_void_what_the_person_did(contact: Contact) -> None:
    for origin in (by_link(), by_complaint(), by(TOKEN, Reason.OWN_REQUEST)):
        deactivate(contact.as_set(), origin=origin)
        opt_out(contact.as_set(), Channel.EMAIL, origin=origin.saying())
    for entry in entries(contact):
        with pytest.raises(CannotUndo):
            undo(StatusHistory.objects.filter(pk=entry.pk), origin=by(ORGANIZATION_ADMIN)).or_raise()
    assert not is_active(contact)


def test_an_undo_cannot_be_undone(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
    with pytest.raises(CannotUndo):
        undo(StatusHistory.objects.filter(says=Says.VOID), origin=by(EDITOR)).or_raise()


def test_nothing_is_taken_back_twice(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
    with pytest.raises(CannotUndo):
        undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()


def test_another_editor_takes_nothing_back_and_an_admin_does(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    with pytest.raises(CannotUndo):
        undo(StatusHistory.objects.filter(says=Says.NO), origin=by(OTHER_EDITOR)).or_raise()
    undo(StatusHistory.objects.filter(says=Says.NO), origin=by(ADMIN)).or_raise()
    assert is_active(contact)


def test_a_project_admin_cannot_take_back_what_an_organization_admin_listed(contact: Contact) -> None:
    suppress(
        [normalise(Channel.EMAIL, EMAIL)], organization=contact.organization, recorded_in=contact.project,
        origin=by(ORGANIZATION_ADMIN),
    )  # fmt: skip
    listed = StatusHistory.objects.filter(aspect=Aspect.SUPPRESSION)
    with pytest.raises(CannotUndo):
        undo(listed, origin=by(ADMIN)).or_raise()
    assert not may_be_sent_to(contact)
    undo(listed, origin=by(ORGANIZATION_ADMIN)).or_raise()
    assert may_be_sent_to(contact)


def test_a_slip_is_taken_back_within_a_day(project: Project) -> None:
    with at(datetime(2026, 3, 10, 15, tzinfo=UTC)) as clock:
        contact = ContactFactory(project=project)
        deactivate(contact.as_set(), origin=by(EDITOR))
        clock.shift(timedelta(hours=24, seconds=1))
        with pytest.raises(CannotUndo):
            undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()
        clock.shift(timedelta(seconds=-2))
        undo(StatusHistory.objects.filter(says=Says.NO), origin=by(EDITOR)).or_raise()


def test_taking_back_a_yes_shuts_again(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_link())
    reactivate(contact, ADMIN)
    undo(StatusHistory.objects.filter(contact=contact, says=Says.YES, weight=2), origin=by(ADMIN)).or_raise()
    assert not is_active(contact)


def test_taking_back_one_no_leaves_the_other(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=by_link())
    deactivate(contact.as_set(), origin=asked())
    undo(StatusHistory.objects.filter(contact=contact, weight=1), origin=by(EDITOR)).or_raise()
    assert not is_active(contact)


def test_the_creation_of_a_contact_cannot_be_taken_back(project: Project) -> None:
    contact = ContactFactory(project=project, origin=by(ADMIN))
    with pytest.raises(CannotUndo):
        undo(StatusHistory.objects.filter(contact=contact), origin=by(ADMIN)).or_raise()


# Somebody who was erased meanwhile


def test_a_change_of_somebody_who_was_erased_meanwhile_is_refused(contact: Contact) -> None:
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    for change in (
        lambda: change_address(contact, Channel.EMAIL, "new@example.org", origin=by(EDITOR)),
        lambda: change_key(contact, "OTHER", origin=by(EDITOR)),
        lambda: set_validity(contact, Channel.EMAIL, False, origin=by(EDITOR)),
        lambda: update_details(contact, Details(first_name="Ann")),
    ):
        with pytest.raises(ContactGone):
            change()
    for change_of_set in (
        lambda: deactivate(contact.as_set(), origin=by(EDITOR)),
        lambda: opt_out(contact.as_set(), Channel.EMAIL, origin=by_link()),
    ):
        assert change_of_set().recorded == 0
    assert not Contact.objects.filter(pk=contact.pk).exists()
