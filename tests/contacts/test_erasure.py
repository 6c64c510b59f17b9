"""After an erasure nothing says who it was: no row, no file, no log line. Blocks stay, by fingerprint alone."""

from __future__ import annotations

import io
import sqlite3
import subprocess
import unicodedata
import uuid
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.db import connection, connections, models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.utils import timezone

from consent.models import ConsentDetail, DeliveryEvent, ErasureRequest, InboundReply, ReportedAddress, SpamReport
from consent.services.consents import grant, withdraw
from consent.services.feedback.aside import keep
from consent.services.feedback.delivery import Told, take
from consent.services.mailing import mail_link
from consent.services.personal import ask_new_email, mail_personal_link
from consent.services.requests import ask_erasure, refuse
from consent.vocabulary import DeliveryKind, Door, LinkPurpose
from contacts import triggers
from contacts.addresses import normalise
from contacts.eligibility import Question, explain
from contacts.errors import AuthorizationRequired, CannotUndo, StaleConfirmation
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    EntryDetail,
    ErasureReceipt,
    Project,
    RelationalRow,
    StatusHistory,
)
from contacts.origin import THE_SYSTEM
from contacts.services.blocks import lift, quarantine, suppress
from contacts.services.erasure import erase, erasure_preview
from contacts.services.imports import jobs
from contacts.services.merging import merge
from contacts.services.opt_outs import lift_opt_out, opt_out
from contacts.services.register import Details, change_address, change_key, create_contact
from contacts.services.status import activate, deactivate
from contacts.services.undo import undo
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, BlockKind, Channel, Reason, Says
from tests.contacts.imported import checked, imported
from tests.factories import (
    CommunicationTypeFactory,
    ContactFactory,
    ProjectFactory,
    RelationalRowFactory,
    by_the_system,
)
from tests.origins import ADMIN, EDITOR, asked, authorized, authorized_everywhere, by, by_bounce, by_complaint, by_link
from tests.postgresql import find_binaries

WORD = "Zwyxéquil"
CORE = "zwyx"  # in any case, in NFC, NFD and JSON
NUMBER = "5550199"
EMAIL = "ann@example.org"
CODED = ("digest", "provider", "status", "keyword")  # words of servers and of ours, which name nobody

pytestmark = pytest.mark.django_db


# Nothing of it anywhere


@pytest.fixture
def planted(project: Project) -> Contact:
    """Somebody whose every text has the rare word in it, in the register and in what hangs on it."""
    contact = create_contact(
        project,
        key=f"{WORD}-1",
        details=Details(WORD, WORD, "fr", f"notes on {WORD}", {WORD: f"likes {WORD}"}),
        addresses={"email": f"{CORE}.first@example.org", "sms": f"+1418{NUMBER}", "push": f"device-{WORD}"},
        origin=by_the_system(note=f"brought by {WORD}", evidence={"file": f"{WORD}.csv", "line": 2}),
    )
    with_words = {"note": f"note on {WORD}", "evidence": {"message": f"from {WORD}", "deep": [{"ip": WORD}]}}
    change_address(contact, "email", f"{CORE}.second@example.org", origin=by(EDITOR, **with_words))
    change_key(contact, f"{WORD}-2", origin=by(EDITOR, **with_words))
    deactivate(contact.as_set(), origin=asked(**with_words))
    word = authorized(None, "email")
    activate(contact.as_set(), origin=by(ADMIN, **with_words), authorization=word)
    opt_out(contact.as_set(), "email", origin=by_link(**with_words))
    lift_opt_out(contact.as_set(), "email", origin=by(ADMIN, **with_words), authorization=word)
    quarantine(contact.as_set(), "sms", origin=by_bounce().saying(**with_words))
    undo(StatusHistory.objects.filter(contact=contact, reason=Reason.VERBAL_REQUEST), origin=by(ADMIN, **with_words))
    suppress(
        [normalise("email", f"{CORE}.second@example.org")],
        organization=project.organization,
        recorded_in=project,
        contact=contact,
        origin=by_complaint(**with_words),
    )
    suppress(
        [normalise("email", f"{CORE}.second@example.org")],
        organization=project.organization,
        origin=by(ADMIN, **with_words),
    )
    RelationalRowFactory(contact=contact, values={WORD: WORD})
    plant_in_the_consent_centre(project, contact, with_words)
    plant_in_imports(project)
    plant_in_feedback(project, contact)
    ContactFactory(project=project, first_name="Somebody", email=EMAIL)
    contact.refresh_from_db()
    plant_everywhere(contact)
    return contact


def plant_in_the_consent_centre(project: Project, contact: Contact, with_words: dict[str, Any]) -> None:
    """What they agreed to and took back, the links that were mailed to them, and what they were answered."""
    topic = CommunicationTypeFactory(project=project)
    grant(contact.as_set(), topic, "email", origin=by_link(**with_words))
    withdraw(contact.as_set(), topic, "email", origin=asked(**with_words))
    mail_personal_link(contact, language="fr", evidence={"user_agent": WORD})
    ask_new_email(contact, f"{CORE}.third@example.org", language="fr", evidence={}, request_id=uuid.uuid4())
    mail_link(
        project, purpose=LinkPurpose.CONFIRM, address=normalise("email", f"{CORE}.first@example.org"), language="fr",
        asked={"details": {"first_name": WORD}}, lasts=timedelta(days=7),
    )  # fmt: skip
    refuse(ask_erasure(contact), f"No, {WORD}.", origin=by(ADMIN))
    ask_erasure(contact)


def plant_in_imports(project: Project) -> None:
    """The contact in files that were imported, are looked at, or wait to be read: as themselves and in bad rows."""
    header = "number,email,first,notes,out"
    targets = ["key", "email", "first_name", "notes", "opt_out:email"]
    mine = f"{WORD}-2,{CORE}.second@example.org,{WORD}ine,more on {WORD},yes"
    bad = f",{CORE}.second@example.org,{WORD},{WORD},\n{WORD}-1,not an address,{WORD},{WORD},yes"
    text = f"{header}\n{mine}\n{bad}\nBOB,bob@example.org,Bob,,"
    imported(project, text, targets=targets)
    checked(project, text.replace(f"{WORD}ine", f"{WORD}ette"), targets=targets)
    checked(project, f"number,email\nNEW,{CORE}.first@example.org", targets=targets[:2])
    content = io.BytesIO(text.encode())
    jobs.upload(project, content, file_name="list.csv", origin=by_the_system())


def plant_in_feedback(project: Project, contact: Contact) -> None:
    """What came back about them: bounces, a report, a reply, and mails that were kept aside, however they are coded."""
    now, first, second = timezone.now(), f"{CORE}.first@example.org", f"{CORE}.second@example.org"
    for address, whom in ((first, None), (second, contact)):
        told = Told(DeliveryKind.BOUNCED, address, address, status="4.2.2", reply=f"<{address}>: full", message=WORD)
        [event] = take(project, [told], door=Door.WEBHOOK, believed=True, actor=THE_SYSTEM)
        assert event.contact_id == (whom.pk if whom else None)
    mark = {"channel": "email", "fingerprint": normalise("email", second).fingerprint, "address": second}
    report = SpamReport.objects.create(
        project=project, door=Door.MAIL, form="arf", feedback_type="abuse", believed=True, outcome="suppressed",
        digest="1", raw=f"To: {WORD}".encode(), occurred_at=now, received_at=now,
    )  # fmt: skip
    ReportedAddress.objects.create(report=report, contact=contact, found_by="token", **mark)
    InboundReply.objects.create(
        project=project, contact=contact, digest="1", text=f"{WORD} wants no mail", sent_to=f"{WORD}@here",
        outcome="waiting", occurred_at=now, received_at=now, **mark,
    )  # fmt: skip
    coded = b64encode(f"{WORD}-2 wrote".encode()).decode()
    for mail in (
        f"To: {second.upper()}\n\nhello",
        f"Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{coded}",
        f"Subject: to {WORD} {WORD}\n\nhello",
    ):
        keep(mail.encode(), "It belongs to nobody.")


def of_contact() -> list[type[models.Model]]:
    """The models, of any app, whose rows belong to a contact."""
    return [
        model
        for model in apps.get_models()
        if any(field.related_model is Contact and field.name == "contact" for field in model._meta.fields)
    ]


def texts_of(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    return [
        field
        for field in model._meta.concrete_fields
        if isinstance(field, (models.CharField, models.TextField, models.JSONField))
        and not field.choices
        and not field.primary_key
        and field.name not in ("fingerprint", "address_fingerprint", "detail_digest", "decided_by", *CODED)
    ]


def plant_everywhere(contact: Contact) -> None:
    """Put the word into every text column of every row of the contact, also those that nobody thought of."""
    rows: list[models.QuerySet[Any]] = [
        Contact.objects.filter(pk=contact.pk),
        EntryDetail.objects.filter(entry__contact=contact),
        ConsentDetail.objects.filter(entry__contact=contact),
        *(model._default_manager.filter(contact=contact.pk) for model in of_contact()),
    ]
    triggers.remove()
    for found in rows:
        assert found.exists(), f"{found.model.__name__}: give the planted contact a row of it in this test"
        going = found.filter(block__isnull=True) if found.model is StatusHistory else found
        for field in texts_of(found.model):
            if isinstance(field, models.JSONField):
                going.update(**{field.name: {WORD: [WORD]}})
            elif field.name not in ("channel", "key"):
                going.filter(**{field.name: ""}).update(**{field.name: WORD[: field.max_length]})
    triggers.install()


def all_text() -> Iterator[tuple[str, str]]:
    """Every table's rows, as text."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                yield table, unicodedata.normalize("NFC", " ".join(map(str, row))).casefold()


def tables_that_know() -> set[str]:
    return {table for table, text in all_text() if CORE in text or NUMBER in text.replace(" ", "").replace("-", "")}


@pytest.mark.parametrize("requested", [True, False])
def test_no_table_knows_the_person_any_more(
    planted: Contact, requested: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    caplog.clear()
    known = {"contacts_contact", "contacts_channelstatus", "contacts_statushistory", "contacts_entrydetail",
             "contacts_relationalrow", "contacts_block", "contacts_importrow", "contacts_importpiece",
             "consent_consenthistory", "consent_consentdetail", "consent_mailedlink",
             "consent_erasurerequest", "consent_deliveryevent", "consent_spamreport", "consent_reportedaddress",
             "consent_inboundreply", "consent_unreadmail"}  # fmt: skip
    assert known <= tables_that_know()
    erase(planted.as_set(), origin=by(ADMIN), requested_by_contact=requested)
    assert tables_that_know() == set()
    assert not [
        record for record in caplog.records if record.name != "django.db.backends" and CORE in record.getMessage()
    ]
    assert list(differences()) == []


def test_no_row_of_any_model_belongs_to_the_person_but_entries_of_blocks(planted: Contact) -> None:
    """And requests to be erased, and what came back, which have nothing in them but the number."""
    number = planted.pk
    erase(planted.as_set(), origin=by(ADMIN), requested_by_contact=True)
    for model in set(of_contact()) - {ErasureRequest, DeliveryEvent, ReportedAddress, InboundReply}:
        left = model._default_manager.filter(contact=number)
        if model is StatusHistory:
            left = left.filter(block__isnull=True)
        assert not left.exists(), model
    assert not EntryDetail.objects.filter(entry__contact=number).exists()
    assert not ConsentDetail.objects.filter(entry__contact=number).exists()
    assert set(ErasureRequest.objects.filter(contact=number).values_list("refusal", flat=True)) == {""}


def test_sessions_do_not_name_who_was_looked_at(planted: Contact) -> None:
    """What a door may put into a session is of this kind; the register's services put nothing there."""
    assert not any(CORE in session.session_data.casefold() for session in Session.objects.all())


@pytest.fixture
def database_file(tmp_path: Path, transactional_db: None) -> Iterator[Path]:
    """The default database as a file, with the settings of a real one (write-ahead log, overwriting)."""
    in_memory: BaseDatabaseWrapper = connections["default"]
    in_memory.ensure_connection()
    path = tmp_path / "register.sqlite3"
    with sqlite3.connect(path) as copy:
        in_memory.connection.backup(copy)
    copy.close()
    on_disk = type(in_memory)({**in_memory.settings_dict, "NAME": str(path)}, "default")
    connections["default"] = on_disk
    yield path
    on_disk.close()
    connections["default"] = in_memory


def known_to_files(folder: Path) -> list[str]:
    return [
        path.name
        for path in sorted(folder.iterdir())
        if CORE.encode() in path.read_bytes().lower() or NUMBER.encode() in path.read_bytes()
    ]


@pytest.mark.skipif("connection.vendor != 'sqlite'", reason="SQLite's file")
def test_no_file_knows_the_person_any_more(database_file: Path, request: pytest.FixtureRequest) -> None:
    contact = request.getfixturevalue("planted")
    assert known_to_files(database_file.parent)
    erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert known_to_files(database_file.parent) == []
    assert not Contact.objects.filter(pk=contact.pk).exists()


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="PostgreSQL's dump")
@pytest.mark.django_db(transaction=True)
def test_no_dump_knows_the_person_any_more(planted: Contact) -> None:
    def dump() -> str:
        binaries = find_binaries()
        assert binaries
        target = connection.get_connection_params()
        names = {"host": "-h", "port": "-p", "user": "-U"}
        where = [text for key, flag in names.items() if target.get(key) for text in (flag, str(target[key]))]
        command = [str(binaries / "pg_dump"), *where, target["dbname"]]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.casefold()

    assert CORE in dump()
    erase(planted.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert CORE not in dump()


# What stays


@pytest.fixture
def contact(project: Project) -> Contact:
    return ContactFactory(project=project, key="ANN", email=EMAIL, sms="+14185550137")


def erased(contact: Contact, *, requested: bool = False) -> ErasureReceipt:
    [receipt] = erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=requested)
    assert list(differences()) == []
    return receipt


def comes_again(project: Project, **addresses: str) -> dict[str, bool]:
    """Somebody with these addresses comes (say, by the next import): may they be sent to, by channel?"""
    somebody = ContactFactory(project=project, **addresses)
    found = {}
    for channel in addresses:
        verdict = explain(somebody, Question(channel))
        assert verdict is not None
        found[channel] = verdict.sendable
    return found


def test_a_clean_up_of_somebody_who_never_said_no_leaves_no_block(contact: Contact, project: Project) -> None:
    deactivate(contact.as_set(), origin=by(EDITOR))
    assert erased(contact).blocks_kept == 0
    assert not Block.objects.exists()
    assert comes_again(project, email=EMAIL, sms="+14185550137") == {"email": True, "sms": True}


def test_our_own_opt_out_is_no_no_of_the_person(contact: Contact, project: Project) -> None:
    """It followed them to the new address, and goes with them."""
    opt_out(contact.as_set(), "email", origin=by(EDITOR))
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    assert erased(contact).blocks_kept == 0
    assert comes_again(project, email="new@example.org") == {"email": True}


def test_who_asked_for_it_stays_blocked_on_every_address(contact: Contact, project: Project) -> None:
    assert erased(contact, requested=True).blocks_kept == 2
    assert comes_again(project, email=EMAIL.upper(), sms="418 555-0137".join(["+1 ", ""])) == {
        "email": False, "sms": False,
    }  # fmt: skip


@pytest.mark.parametrize("origin", [asked(), by_link(), by_complaint()])
def test_who_said_no_stays_blocked_on_every_address(contact: Contact, project: Project, origin: Any) -> None:
    deactivate(contact.as_set(), origin=origin.saying(request_id=uuid.uuid4()))
    erased(contact)
    assert comes_again(project, email=EMAIL, sms="+14185550137") == {"email": False, "sms": False}


def test_who_ever_said_no_stays_blocked(contact: Contact, project: Project) -> None:
    deactivate(contact.as_set(), origin=asked())
    activate(contact.as_set(), origin=by(EDITOR), authorization=authorized())
    erased(contact)
    assert comes_again(project, email=EMAIL) == {"email": False}


def test_a_no_that_was_taken_back_leaves_no_block(contact: Contact, project: Project) -> None:
    deactivate(contact.as_set(), origin=asked())
    undo(StatusHistory.objects.filter(contact=contact, says=Says.NO), origin=by(EDITOR)).or_raise()
    assert erased(contact).blocks_kept == 0
    assert comes_again(project, email=EMAIL) == {"email": True}


def test_an_opt_out_of_one_channel_leaves_the_other_open(contact: Contact, project: Project) -> None:
    opt_out(contact.as_set(), "email", origin=by_link())
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    erased(contact)
    assert comes_again(project, email=EMAIL) == {"email": False}
    assert comes_again(project, email="new@example.org", sms="+14185550137") == {"email": False, "sms": True}


def test_addresses_of_before_stay_blocked_too(contact: Contact, project: Project) -> None:
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    change_address(contact, "sms", "", origin=by(EDITOR))
    erased(contact, requested=True)
    assert comes_again(project, email=EMAIL, sms="+14185550137") == {"email": False, "sms": False}
    assert comes_again(project, email="new@example.org") == {"email": False}


def test_an_address_of_before_that_somebody_else_has_now_is_theirs(contact: Contact, project: Project) -> None:
    change_address(contact, "email", "new@example.org", origin=by(EDITOR))
    ContactFactory(project=project, email=EMAIL)
    erased(contact, requested=True)
    assert comes_again(project, email=EMAIL) == {"email": True}
    assert comes_again(project, email="new@example.org") == {"email": False}


@pytest.mark.parametrize(
    ("origin", "who_may"), [(asked(), EDITOR), (by_link(), ADMIN)], ids=["written down", "their own act"]
)
def test_the_block_that_stays_weighs_what_the_no_weighed(contact: Contact, origin: Any, who_may: Any) -> None:
    opt_out(contact.as_set(), "email", origin=origin.saying(request_id=uuid.uuid4()))
    erased(contact)
    block = Block.objects.filter(channel="email", is_on=True)
    if who_may is ADMIN:
        with pytest.raises(AuthorizationRequired):
            lift(block, origin=by(EDITOR), authorization=authorized_everywhere()).or_raise()
    assert lift(block, origin=by(who_may), authorization=authorized_everywhere()).or_raise().changed == 1


def test_blocks_hold_in_the_scope_where_the_no_held(contact: Contact) -> None:
    sibling = ProjectFactory(organization=contact.organization)
    erased(contact, requested=True)
    assert comes_again(sibling, email=EMAIL) == {"email": True}


def test_a_shared_address_stays_with_the_other_contact(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email=EMAIL)
    opt_out(contact.as_set(), "email", origin=by_link(note="from the footer"))
    erased(contact, requested=True)
    row = ChannelStatus.objects.get(contact=other, channel="email")
    assert (row.address, row.opted_out, row.own_opt_out) == (EMAIL, True, False)
    assert Block.objects.get(channel="email").address == EMAIL
    assert not EntryDetail.objects.exists()


def test_entries_of_blocks_that_stay_keep_date_kind_and_cause(contact: Contact) -> None:
    quarantine(contact.as_set(), "email", origin=by_bounce().saying(note="550 5.1.1"))
    before = StatusHistory.objects.values("occurred_at", "aspect", "says", "reason").get(aspect=Aspect.QUARANTINE)
    erased(contact)
    assert StatusHistory.objects.values(*before).get(aspect=Aspect.QUARANTINE) == before
    assert Block.objects.get(kind=BlockKind.QUARANTINE).address is None


def test_an_erasure_touches_no_other_organization(contact: Contact, other_project: Project) -> None:
    address = [normalise("email", EMAIL)]
    suppress(address, organization=other_project.organization, origin=by(ADMIN, note="their own list"))
    before = Block.objects.values().get()
    erased(contact, requested=True)
    assert Block.objects.values().get(organization=other_project.organization) == before
    assert EntryDetail.objects.get().note == "their own list"


def test_notes_about_an_address_that_nobody_has_any_more_go(contact: Contact) -> None:
    suppress([normalise("email", EMAIL)], organization=contact.organization, origin=by(ADMIN, note="Ann called"))
    erased(contact)
    assert not EntryDetail.objects.exists()
    assert Block.objects.get().address is None


def test_an_erasure_of_several_puts_each_block_in_its_own_project(contact: Contact) -> None:
    sibling = ContactFactory(project=ProjectFactory(organization=contact.organization), email="bob@example.org")
    opt_out(sibling.as_set(), "email", origin=by(EDITOR))
    change_address(sibling, "email", "cleo@example.org", origin=by(EDITOR))
    deactivate(contact.as_set(), origin=by_link())
    erase(Contact.objects.all(), origin=by(ADMIN), requested_by_contact=False)
    kept = StatusHistory.objects.filter(reason=Reason.ERASURE)
    assert set(kept.values_list("project", flat=True)) == {contact.project_id}
    assert list(differences()) == []


# The receipt, the preview, and what comes after


def test_the_receipt_tells_what_the_preview_told(contact: Contact) -> None:
    deactivate(contact.as_set(), origin=asked())
    quarantine(contact.as_set(), "sms", origin=by_bounce())
    RelationalRowFactory(contact=contact)
    preview = erasure_preview(contact.as_set(), requested_by_contact=True)
    receipt = erased(contact, requested=True)
    assert receipt.counts == {line.key: line.number for line in preview.lines if line.number}
    assert receipt.counts == {"channels": 2, "history": 4, "relational": 1}
    assert preview.kept_channels == ("email", "sms")
    assert (receipt.blocks_kept, receipt.requested_by_contact) == (2, True)
    assert (receipt.actor_label, receipt.contact_number) == ("Ada Admin", contact.pk)
    assert "ANN" not in str(ErasureReceipt.objects.values().get())


def test_the_preview_counts_what_goes(contact: Contact) -> None:
    before = StatusHistory.objects.count()
    preview = erasure_preview(contact.as_set())
    erased(contact)
    assert {line.key: line.number for line in preview.lines}["history"] == before - StatusHistory.objects.count()


@pytest.mark.parametrize("meanwhile", ["history", "relational", "address"])
def test_a_confirmation_that_has_gone_stale_erases_nothing(contact: Contact, meanwhile: str) -> None:
    seen = erasure_preview(contact.as_set()).digest
    if meanwhile == "history":
        deactivate(contact.as_set(), origin=by_link())
    elif meanwhile == "relational":
        RelationalRowFactory(contact=contact)
    else:
        change_address(contact, "push", "device", origin=by(EDITOR))
    with pytest.raises(StaleConfirmation):
        erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True, expected=seen)
    assert Contact.objects.filter(pk=contact.pk).exists()
    assert not ErasureReceipt.objects.exists()


def test_the_same_erasure_twice_leaves_one_receipt(contact: Contact) -> None:
    origin = by(ADMIN)
    for _time in range(2):
        erase(contact.as_set(), origin=origin, requested_by_contact=True)
    assert ErasureReceipt.objects.count() == 1


def test_the_block_of_an_erasure_cannot_be_taken_back(contact: Contact, project: Project) -> None:
    opt_out(contact.as_set(), "email", origin=asked())
    erased(contact)
    kept = StatusHistory.objects.filter(reason=Reason.ERASURE)
    with pytest.raises(CannotUndo):
        undo(kept, origin=by(ADMIN)).or_raise()
    undo(StatusHistory.objects.filter(reason=Reason.VERBAL_REQUEST), origin=by(ADMIN)).or_raise()
    assert comes_again(project, email=EMAIL) == {"email": False}
    assert list(differences()) == []


def test_a_chain_of_voids_goes_or_stays_as_a_whole(contact: Contact) -> None:
    """An entry that voids has the block of the one that it voids, and goes with it or stays with it."""
    change_address(contact, "email", "", origin=by(EDITOR))
    opt_out(contact.as_set(), "email", origin=asked())
    opt_out(contact.as_set(), "sms", origin=asked())
    undo(StatusHistory.objects.filter(contact=contact, says=Says.NO), origin=by(EDITOR)).or_raise()
    erased(contact)
    left = StatusHistory.objects.filter(contact=contact.pk)
    assert sorted(left.values_list("channel", "says")) == [("sms", "no"), ("sms", "void")]
    assert not ChannelStatus.objects.exists()


def test_who_was_merged_into_the_erased_one_goes_with_them(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email="bob@example.org")
    merge(contact, other, origin=by(EDITOR))
    erased(contact)
    assert not Contact.objects.filter(pk=other.pk).exists()
    assert ErasureReceipt.objects.get(contact_number=other.pk).merged_into_number == contact.pk


def test_history_of_others_is_untouched(contact: Contact, project: Project) -> None:
    other = ContactFactory(project=project, email="bob@example.org")
    deactivate(other.as_set(), origin=by_link(note="their own"))
    RelationalRowFactory(contact=other)
    columns = list(StatusHistory.objects.filter(contact=other).order_by("pk").values())
    erased(contact, requested=True)
    assert list(StatusHistory.objects.filter(contact=other).order_by("pk").values()) == columns
    assert RelationalRow.objects.filter(contact=other).exists()
    assert EntryDetail.objects.get().note == "their own"


def test_a_fault_in_the_middle_erases_nothing(contact: Contact, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(all_text())

    def fail(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith("DELETE") and "contacts_statushistory" in sql:
            raise RuntimeError("the plug was pulled")
        return execute(sql, *arguments)

    with pytest.raises(RuntimeError), transaction.atomic(), connection.execute_wrapper(fail):
        erase(contact.as_set(), origin=by(ADMIN), requested_by_contact=True)
    assert sorted(all_text()) == before


def test_channels_of_the_vocabulary_are_all_erased(project: Project) -> None:
    contact = ContactFactory(project=project, email=EMAIL, sms="+14185550137", push="device")
    erased(contact, requested=True)
    assert set(Block.objects.values_list("channel", flat=True)) == set(Channel.values)
