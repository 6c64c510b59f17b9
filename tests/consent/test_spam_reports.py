"""Each shape of report, with and without our token in the reported message: the right contact or nobody, and never a
wrong one (DESIGN, rule 8)."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounds
from hypothesis import strategies as st

from consent.incoming.arf import FeedbackReport, read_report
from consent.incoming.mime import Unreadable, read_message
from consent.models import CommunicationType, ReportedAddress, SpamReport
from consent.services.feedback.reports import ReportDecided, accept, complain, dismiss, take
from consent.services.mail_headers import links_for
from consent.vocabulary import Door, FoundBy
from contacts.addresses import normalise
from contacts.models import Block, Contact, Project, StatusHistory, User
from contacts.origin import THE_SYSTEM, Actor, Authorization, Origin
from contacts.services.blocks import lift
from contacts.services.erasure import erase
from contacts.services.register import change_address
from contacts.services.status import activate
from contacts.vocabulary import ActorKind, AuthorizationSource, Cause, Method, Weight
from tests.consent import feedback_reports as shapes
from tests.consent.feedback_reports import Shape
from tests.consent.links import row_of
from tests.factories import CommunicationTypeFactory, ContactFactory, ProjectFactory, by_the_system, today

pytestmark = pytest.mark.django_db
ANN = "ann@reader.example.org"
OWNER = Actor(ActorKind.USER, 1, "Olga Owner", Weight.COMPLAINT, True)


def named(shape: Shape) -> str:
    return shape.__name__


@pytest.fixture
def ann(project: Project) -> Contact:
    """Who got the message, among people with every other address that stands in the reports."""
    for address in (*shapes.OTHERS, "a@else.example.org", "b@else.example.org", "redacted@aol.example"):
        ContactFactory(project=project, email=address)
    return ContactFactory(project=project, key="ann", email=ANN, sms="+1 418 555 0137")


def marked(contact: Contact, topic: CommunicationType | None = None) -> dict[str, str]:
    """The headers that the message to the contact went out with."""
    return links_for(row_of(contact), topic).headers


def read(raw: bytes, *, is_report: bool = True) -> FeedbackReport:
    report = read_report(read_message(raw), is_report=is_report)
    assert report is not None
    return report


def sent_in(raw: bytes, project: Project, *, believed: bool = True, door: Door = Door.API) -> SpamReport:
    return take(read(raw), project=project, door=door, believed=believed, raw=raw, actor=THE_SYSTEM)


def inactive() -> set[str]:
    return set(Contact.objects.filter(is_active=False).values_list("key", flat=True))


def listed() -> set[str | None]:
    """The addresses on suppression lists."""
    return set(Block.objects.filter(is_on=True, cause=Cause.COMPLAINT).values_list("address", flat=True))


def contacts_of(report: SpamReport) -> list[int]:
    return sorted(number for number in report.addresses.values_list("contact", flat=True) if number)


@pytest.mark.parametrize("shape", shapes.NAMING, ids=named)
def test_the_recipient_of_a_believed_report_is_found(shape: Shape, project: Project, ann: Contact) -> None:
    report = sent_in(shape(ANN, {}), project)

    assert (report.outcome, report.believed, report.feedback_type) == ("suppressed", True, "abuse")
    assert contacts_of(report) == [ann.pk]
    assert inactive() == {"ann"}
    assert {str(address).lower() for address in listed()} == {ANN}


@pytest.mark.parametrize("shape", shapes.SILENT, ids=named)
def test_redacted_and_hashed_recipients_match_nobody(shape: Shape, project: Project, ann: Contact) -> None:
    people = Contact.objects.count()

    report = sent_in(shape(ANN, {}), project)

    assert (report.outcome, contacts_of(report)) == ("no_match", [])
    assert (inactive(), listed()) == (set(), set())
    assert Contact.objects.count() == people


@pytest.mark.parametrize("shape", shapes.WITH_ORIGINAL, ids=named)
def test_our_token_is_believed_and_names_the_contact(shape: Shape, project: Project, ann: Contact) -> None:
    # Whom the report itself names is somebody else: the message went through them, or they forge it.
    report = sent_in(shape("boris@reader.example.org", marked(ann)), project, believed=False, door=Door.MAIL)

    assert (report.outcome, report.believed) == ("suppressed", True)
    assert contacts_of(report) == [ann.pk]
    assert (inactive(), listed()) == ({"ann"}, {ANN})
    assert list(report.addresses.values_list("found_by", flat=True)) == [FoundBy.TOKEN]


@pytest.mark.parametrize("name", ["List-Unsubscribe", "Feedback-ID", "X-Sendable-Token"])
def test_any_one_of_our_headers_is_enough(name: str, project: Project, ann: Contact) -> None:
    report = sent_in(shapes.aol(ANN, {name: marked(ann)[name]}), project, believed=False)

    assert contacts_of(report) == [ann.pk]


@pytest.mark.parametrize("shape", shapes.NAMING, ids=named)
def test_what_anybody_may_have_sent_waits(shape: Shape, project: Project, ann: Contact) -> None:
    report = sent_in(shape(ANN, {}), project, believed=False, door=Door.MAIL)

    assert (report.outcome, report.believed, contacts_of(report)) == ("waiting", False, [ann.pk])
    assert (inactive(), listed()) == (set(), set())


@pytest.mark.parametrize("shape", shapes.SHAPES, ids=named)
def test_a_report_that_comes_twice_changes_nothing(shape: Shape, project: Project, ann: Contact) -> None:
    raw = shape(ANN, marked(ann))
    first = sent_in(raw, project)
    entries = StatusHistory.objects.count()

    by_another_way = b"Received: from a by b\n" + raw if b"\r" not in raw else raw
    assert sent_in(by_another_way, project, believed=False, door=Door.MAIL) == first
    assert StatusHistory.objects.count() == entries


def test_several_recipients_are_all_named(project: Project, ann: Contact) -> None:
    others = [ContactFactory(project=project, key=f"r{n}", email=f"reader{n}@else.example.org") for n in range(4)]

    report = sent_in(shapes.seven(ANN, {}), project)

    assert contacts_of(report) == sorted([ann.pk, *(other.pk for other in others)])
    assert inactive() == {"ann", "r0", "r1", "r2", "r3"}
    assert len(listed()) == 7  # the others are blocked for whoever comes to them


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "fraud", "virus", "other", "dmarc"])
def test_other_types_are_kept_and_change_nothing(kind: str, project: Project, ann: Contact) -> None:
    for extra in ({}, marked(ann)):
        raw = shapes.rfc_5965(ANN, extra).replace(b"Feedback-Type: abuse", f"Feedback-Type: {kind}".encode())

        report = sent_in(raw, project)

        assert (report.outcome, report.feedback_type) == ("ignored", kind)
    assert (inactive(), listed()) == (set(), set())


@pytest.mark.parametrize(
    "line",
    [b"X-Nothing: abuse", b"Feedback-Type: abuse\nFeedback-Type: not-spam", b"Feedback-Type: <abuse>", b"opt-out"],
)
def test_a_report_without_one_type_waits(line: bytes, project: Project, ann: Contact) -> None:
    if b":" not in line:
        line = b"Feedback-Type: " + line
    report = sent_in(shapes.rfc_5965(ANN, marked(ann)).replace(b"Feedback-Type: abuse", line), project)

    assert (report.outcome, contacts_of(report)) == ("waiting", [ann.pk])
    assert (inactive(), listed()) == (set(), set())


@pytest.mark.parametrize("address", [shapes.SENDER, shapes.LOOP, shapes.DESK, shapes.POSTMASTER])
@pytest.mark.parametrize("shape", [shapes.rfc_5965, shapes.return_path, shapes.outlook, shapes.forwarded], ids=named)
def test_who_sent_or_carried_it_is_never_the_recipient(
    shape: Shape, address: str, project: Project, ann: Contact
) -> None:
    report = sent_in(shape(address, {}), project)

    assert (report.outcome, contacts_of(report)) == ("no_match", [])
    assert (inactive(), listed()) == (set(), set())


@pytest.mark.parametrize(
    "shown_to",
    [
        "ann@reader.example.org, boris@reader.example.org", '"boris@reader.example.org" <ann@reader.example.org>',
        "undisclosed-recipients:;", "", "redacted", "<>", "x" * 5_000 + "@example.org", "ann@reader.example.org@x",
    ],
)  # fmt: skip
def test_a_message_that_does_not_say_who_got_it_names_nobody(shown_to: str, project: Project, ann: Contact) -> None:
    told = shapes.part("message/rfc822", shapes.original(ANN, {}, shown_to=shown_to))
    raw = shapes.letter(shapes.WORDS, shapes.part("message/feedback-report", shapes.fields()), told)

    assert sent_in(raw, project).outcome == "no_match"
    assert (inactive(), listed()) == (set(), set())


def test_a_list_is_nobody(project: Project, ann: Contact) -> None:
    report = sent_in(shapes.forwarded(ANN, {"List-Post": "<mailto:ann@reader.example.org>"}), project)

    assert report.outcome == "no_match"


@pytest.mark.parametrize(
    "local",
    ["redacted", "REDACTED", "user-redacted", "xxxxx", "removed", "hidden", "0xdeadbeefdeadbeef01",
     "d41d8cd98f00b204e9800998ecf8427e", "da39a3ee5e6b4b0d3255bfef95601890afd80709", "cmVkYWN0ZWQgcmVjaXBpZW50=",
     "8Qb3xYz0PqLm9Rt4Uv7WkA2c"],
)  # fmt: skip
def test_what_was_made_unreadable_is_left_out(local: str) -> None:
    report = read(shapes.rfc_5965(f"{local}@reader.example.org", {}))

    assert report.recipients == ()


@pytest.mark.parametrize(
    "address",
    ["ann.archer-smith@reader.example.org", "a1b2@example.org", "face@example.org", "jean.o'hara+x@example.org",
     "13800138000@example.com", "ann@hidden-valley.example.com", "unmasked@example.org",
     "maria.fernanda.gonzalez.1987@example.com"],
)  # fmt: skip
def test_what_people_really_have_is_read(address: str) -> None:
    assert read(shapes.rfc_5965(address, {})).recipients == (address,)


def test_an_address_that_nobody_has_is_blocked_all_the_same(project: Project) -> None:
    report = sent_in(shapes.rfc_5965(ANN, {}), project)
    late = ContactFactory(project=project, email=ANN)

    assert (report.outcome, contacts_of(report), listed()) == ("no_match", [], {ANN})
    assert row_of(late).suppressed
    assert late.is_active


def test_what_is_not_believed_blocks_no_address(project: Project) -> None:
    report = sent_in(shapes.rfc_5965(ANN, {}), project, believed=False)

    assert (report.outcome, listed()) == ("no_match", set())


def test_all_who_have_the_address_are_concerned(project: Project, ann: Contact) -> None:
    also = ContactFactory(project=project, key="also", email=ANN)

    report = sent_in(shapes.rfc_5965(ANN, {}), project)

    assert contacts_of(report) == sorted([ann.pk, also.pk])
    assert inactive() == {"ann", "also"}


def test_a_token_concerns_its_contact_alone(project: Project, ann: Contact) -> None:
    also = ContactFactory(project=project, key="also", email=ANN)

    report = sent_in(shapes.aol(ANN, marked(ann)), project)

    assert contacts_of(report) == [ann.pk]
    assert inactive() == {"ann"}
    assert row_of(also).suppressed


def test_a_type_may_say_that_a_complaint_only_suppresses(project: Project, ann: Contact) -> None:
    topic = CommunicationTypeFactory(project=project, complaint_only_suppresses=True)

    report = sent_in(shapes.aol(ANN, marked(ann, topic)), project)

    assert report.outcome == "suppressed"
    assert (inactive(), listed()) == (set(), {ANN})


def test_every_channel_stops(project: Project, ann: Contact) -> None:
    sent_in(shapes.aol(ANN, marked(ann)), project)

    entries = StatusHistory.objects.filter(contact=ann, method="spam_report").order_by("aspect")
    assert [(entry.aspect, entry.weight, entry.reason) for entry in entries] == [
        ("active", 3, "complaint"),
        ("suppression", 3, "complaint"),
    ]
    assert entries[0].detail.evidence == {"report": SpamReport.objects.get().pk}


def test_the_whole_organization_is_stopped(project: Project, ann: Contact, other_project: Project) -> None:
    sister = ProjectFactory(organization=project.organization)
    there, elsewhere = (ContactFactory(project=place, email=ANN) for place in (sister, other_project))

    sent_in(shapes.aol(ANN, marked(ann)), project)

    assert row_of(there).suppressed
    assert Contact.objects.get(pk=there.pk).is_active
    assert not row_of(elsewhere).suppressed


def test_a_token_of_another_project_names_nobody_here(project: Project, ann: Contact, other_project: Project) -> None:
    theirs = ContactFactory(project=other_project, email="their@example.org")

    for shape in shapes.WITH_ORIGINAL:
        report = sent_in(shape(ANN, marked(theirs)), project)

        # What names one of ours beside it waits for an admin.
        assert report.outcome in ("waiting", "no_match")
    assert (inactive(), listed()) == (set(), set())


def test_tokens_that_contradict_each_other_name_nobody(project: Project, ann: Contact) -> None:
    boris = ContactFactory(project=project, email="boris@reader.example.org")
    extra = {**marked(ann), "X-Also": marked(boris)["X-Sendable-Token"]}

    report = sent_in(shapes.rfc_5965(ANN, extra), project)

    assert report.outcome == "waiting"
    assert (inactive(), listed()) == (set(), set())


def test_a_token_in_the_text_is_none(project: Project, ann: Contact) -> None:
    token = marked(ann)["X-Sendable-Token"]
    raw = shapes.aol(ANN, {}).replace(b"Come and see.", f"Come and see https://x/u/{token}".encode())

    assert sent_in(raw, project, believed=False).outcome == "no_match"
    assert inactive() == set()


def test_who_has_another_address_by_now_is_left_alone(project: Project, ann: Contact) -> None:
    extra = marked(ann)
    change_address(ann, "email", "ann@new.example.org", origin=by_the_system())

    report = sent_in(shapes.aol(ANN, extra), project)

    assert (report.outcome, contacts_of(report)) == ("no_match", [])
    assert (inactive(), listed()) == (set(), {ANN})
    assert not row_of(ann).suppressed


def test_the_address_of_who_was_erased_is_blocked(project: Project, ann: Contact) -> None:
    extra = marked(ann)
    erase(ann.as_set(), origin=by_the_system(), requested_by_contact=True)

    report = sent_in(shapes.aol(ANN, extra), project)
    back = ContactFactory(project=project, key="back", email=ANN)

    assert (report.outcome, contacts_of(report)) == ("no_match", [])
    assert row_of(back).suppressed
    assert ANN not in {row.address for row in ReportedAddress.objects.all()}


def test_our_return_address_names_the_contact(project: Project, ann: Contact, settings: object) -> None:
    settings.REPLY_DOMAIN = "reply.museum.example.com"  # type: ignore[attr-defined]
    sender = links_for(row_of(ann)).return_path
    raw = shapes.letter(
        shapes.WORDS, shapes.part("message/feedback-report", shapes.fields(f"Original-Mail-From: <{sender}>"))
    )

    report = sent_in(raw, project, believed=False)

    assert (report.outcome, contacts_of(report)) == ("suppressed", [ann.pk])


def test_the_report_is_dated_when_it_was_made(project: Project, ann: Contact) -> None:
    report = sent_in(shapes.rfc_5965(ANN, {}), project)

    entry = StatusHistory.objects.get(contact=ann, aspect="active", method="spam_report")
    assert entry.occurred_at == report.occurred_at
    assert f"{report.occurred_at:%Y-%m-%d %H:%M}" == "2026-03-12 09:15"


@pytest.mark.parametrize("day", ["Thu, 12 Mar 2099 09:15:00 +0000", "yesterday", "", "Thu, 31 Feb 0001 99:99:99 +9999"])
def test_an_odd_date_is_now(day: str, project: Project, ann: Contact) -> None:
    raw = shapes.rfc_5965(ANN, {}).replace(f"Date: {shapes.DATE}".encode(), f"Date: {day}".encode())

    report = sent_in(raw, project)

    assert report.outcome == "suppressed"
    assert report.occurred_at == report.received_at


def test_a_late_report_changes_nothing_that_was_lifted_since(project: Project, ann: Contact) -> None:
    word = Authorization(AuthorizationSource.WRITTEN, "Letter", today())
    first = shapes.aol(ANN, marked(ann))
    sent_in(first, project)
    origin = Origin(Method.MANUAL, OWNER)
    lift(Block.objects.filter(cause=Cause.COMPLAINT), origin=origin, authorization=word)
    activate(ann.as_set(), origin=origin, authorization=word)

    sent_in(first, project)
    sent_in(first.replace(b"4711.winter", b"4712.winter"), project)

    assert (inactive(), listed()) == (set(), set())


def test_believed_after_it_waited_is_believed(project: Project, ann: Contact) -> None:
    raw = shapes.rfc_5965(ANN, {})
    waiting = sent_in(raw, project, believed=False, door=Door.MAIL)

    report = sent_in(raw, project)

    assert (report.pk, report.outcome, report.believed) == (waiting.pk, "suppressed", True)
    assert inactive() == {"ann"}
    assert report.addresses.count() == 1


def test_an_admin_accepts(project: Project, ann: Contact, admin: User) -> None:
    report = sent_in(shapes.rfc_5965(ANN, {}), project, believed=False)

    done = accept(report, origin=Origin.manual(admin, authority=Weight.OWN))

    assert (done.outcome, done.decided_by) == ("suppressed", "Ada Admin")
    assert (inactive(), listed()) == ({"ann"}, {ANN})
    entry = StatusHistory.objects.get(contact=ann, aspect="active", method="spam_report")
    assert (entry.actor_label, entry.weight) == ("Ada Admin", 3)
    with pytest.raises(ReportDecided):
        accept(report, origin=Origin.manual(admin))


def test_accepting_leaves_alone_who_moved(project: Project, ann: Contact, admin: User) -> None:
    report = sent_in(shapes.rfc_5965(ANN, {}), project, believed=False)
    change_address(ann, "email", "ann@new.example.org", origin=by_the_system())

    accept(report, origin=Origin.manual(admin))

    assert (inactive(), listed()) == (set(), {ANN})


def test_accepting_knows_the_type(project: Project, ann: Contact, admin: User) -> None:
    topic = CommunicationTypeFactory(project=project, complaint_only_suppresses=True)
    raw = shapes.aol(ANN, marked(ann, topic)).replace(b"Feedback-Type: abuse\n", b"")

    accept(sent_in(raw, project), origin=Origin.manual(admin))

    assert (inactive(), listed()) == (set(), {ANN})


def test_dismissed_stays_dismissed(project: Project, ann: Contact, admin: User) -> None:
    raw = shapes.rfc_5965(ANN, {})
    report = dismiss(sent_in(raw, project, believed=False), actor=Origin.manual(admin).actor)

    again = sent_in(raw, project)

    assert (report.outcome, again.outcome) == ("dismissed", "dismissed")
    assert (inactive(), listed()) == (set(), set())
    with pytest.raises(ReportDecided):
        dismiss(report, actor=Origin.manual(admin).actor)


def test_a_complaint_by_address(project: Project, ann: Contact) -> None:
    address = normalise("sms", "+14185550137")
    told = {"project": project, "door": Door.WEBHOOK, "actor": THE_SYSTEM, "key": "event-1"}

    report = complain(address, **told)  # type: ignore[arg-type]

    assert complain(address, **told) == report  # type: ignore[arg-type]
    assert (report.outcome, contacts_of(report), inactive()) == ("suppressed", [ann.pk], {"ann"})


def test_delivery_reports_and_common_mail_are_no_spam_reports() -> None:
    status = shapes.part("message/delivery-status", "Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b.example\n")
    bounce = shapes.letter(
        status,
        shapes.part("message/rfc822", shapes.original(ANN, {})),
        kind="multipart/report; report-type=delivery-status",
    )
    vacation = shapes.letter(
        shapes.part("message/rfc822", shapes.original(ANN, {})), kind="multipart/mixed", Subject="Out of office",
        From="Ann <ann@reader.example.org>",
    )  # fmt: skip
    plain = shapes.original(ANN, {}).encode()

    quoting = bounce.replace(b"Come and see.", b"\nFeedback-Type: abuse\n")
    for raw in (bounce, quoting, vacation, plain):
        assert read_report(read_message(raw)) is None
    assert read_report(read_message(bounce), is_report=True) is None
    assert read(plain).form == "original"


@pytest.mark.parametrize("shape", [*shapes.SHAPES], ids=named)
def test_most_shapes_tell_by_themselves_that_they_are_reports(shape: Shape) -> None:
    assert read_report(read_message(shape(ANN, {}))) is not None


@pytest.mark.parametrize(
    "value",
    ["(" * 5_000, "<" * 5_000, '"' * 5_000, '"\\' * 2_000, "@" * 5_000, ", " * 5_000, "a@" * 2_000, "=?utf-8?q?" * 500],
)
def test_odd_values_are_read_in_no_time_and_name_nobody(value: str) -> None:
    extra = {"To": value, "Delivered-To": value, "Sender": value, "X-HmXmrOriginalRecipient": value}
    told = shapes.part("message/rfc822", shapes.original(ANN, extra))
    said = shapes.fields(f"Original-Rcpt-To: {value}", f"Removal-Recipient: {value}")

    with_fields = read(shapes.letter(shapes.WORDS, shapes.part("message/feedback-report", said), told, From=value))
    without = read(shapes.letter(told, kind="multipart/mixed", From=value, Subject=value))

    assert (with_fields.recipients, without.recipients) == ((), ())


def test_details_name_nobody(project: Project, ann: Contact) -> None:
    report = sent_in(shapes.rfc_5965(ANN, marked(ann)), project)

    assert report.details["source-ip"] == "192.0.2.7"
    assert "@" not in str(report.details)


@bounds(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_is_done_to_a_report_nobody_else_is_found(data: st.DataObject, project: Project, ann: Contact) -> None:
    """Cut, repeated, reordered, with odd bytes: it is the right contact or nobody, and never an error."""
    shape = data.draw(st.sampled_from(shapes.SHAPES))
    extra = data.draw(st.sampled_from([{}, marked(ann)]))
    lines = shape(ANN, extra).split(b"\n")
    dice = random.Random(data.draw(st.integers()))  # noqa: S311
    for _turn in range(data.draw(st.integers(1, 6))):
        place = dice.randrange(len(lines))
        what = data.draw(st.sampled_from(["cut", "twice", "swap", "noise", "end", "join"]))
        if what == "cut":
            del lines[place]
        elif what == "twice":
            lines.insert(dice.randrange(len(lines)), lines[place])
        elif what == "swap":
            other = dice.randrange(len(lines))
            lines[place], lines[other] = lines[other], lines[place]
        elif what == "noise":
            lines[place] = data.draw(st.binary(max_size=60))
        elif what == "end":
            lines = lines[: max(3, place)]
        elif place + 1 < len(lines):
            lines[place : place + 2] = [lines[place] + lines[place + 1]]
        if not lines:
            break
    try:
        message = read_message(b"\n".join(lines))
    except Unreadable:
        return
    for is_report in (False, True):
        report = read_report(message, is_report=is_report)
        if report is None:
            continue
        kept = take(report, project=project, door=Door.API, believed=True, raw=b"", actor=THE_SYSTEM)
        assert set(contacts_of(kept)) <= {ann.pk}
    assert inactive() <= {"ann"}


def test_a_report_of_who_was_erased_does_not_write_them_down_again(project: Project, ann: Contact) -> None:
    erase(ann.as_set(), origin=by_the_system(), requested_by_contact=True)

    report = sent_in(shapes.rfc_5965(ANN, {}), project)
    told = complain(normalise("email", ANN), project=project, door=Door.API, actor=THE_SYSTEM, key="1")

    for kept in (report, told):
        assert (kept.outcome, kept.raw) == ("no_match", None)
        assert [row.address for row in kept.addresses.all()] == [None]
    assert listed() == {None}
    assert row_of(ContactFactory(project=project, email=ANN)).suppressed
