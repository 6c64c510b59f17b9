"""The opt-out link: looking changes nothing, a POST stops, whoever sends it and however often (RFC 8058)."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core import signing
from django.db import InterfaceError, OperationalError, connection
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from consent import tokens
from consent.models import CommunicationType, ConsentDetail, ConsentHistory
from consent.services.consents import withdraw
from consent.tokens import Token, token_for
from contacts.addresses import fingerprint
from contacts.models import Block, Contact, EntryDetail, Project, StatusHistory
from contacts.services import erasure, merging, register, status
from contacts.services.fingerprints import check_keys, rotate_key
from contacts.services.opt_outs import opt_out
from contacts.services.verify import differences
from contacts.vocabulary import Aspect, BlockKind, Cause, Method, Weight
from tests.config.starting import production, python
from tests.consent.links import (
    ONE_CLICK,
    agree,
    blocks_on,
    is_withdrawn,
    link_of,
    may_get,
    newsletter,
    open_centre,
    post,
    row_of,
    said,
    said_of,
    subscriber,
    visitor,
)
from tests.factories import ContactFactory, ProjectFactory, by_the_system
from tests.origins import ADMIN, asked, authorized, by, by_link

pytestmark = pytest.mark.django_db
in_both_bodies = pytest.mark.parametrize("multipart", [True, False], ids=["multipart", "urlencoded"])
STOPPED_ALL = [("active", "", "opt_out_link"), ("opt_out", "email", "opt_out_link")]


@pytest.fixture
def topic(project: Project) -> CommunicationType:
    open_centre(project)
    return newsletter(project)


@pytest.fixture
def contact(project: Project, topic: CommunicationType) -> Contact:
    return subscriber(project, topic)


@pytest.fixture
def link(contact: Contact, topic: CommunicationType) -> str:
    return link_of(contact, topic)


# The matrix: bodies, cookies, once and twice, and what became of the contact since the message was sent.


def live(contact: Contact) -> None: ...


def inactive(contact: Contact) -> None:
    status.deactivate(contact.as_set(), origin=asked())


def opted_out_by_staff(contact: Contact) -> None:
    opt_out(contact.as_set(), "email", origin=asked())


def erased(contact: Contact) -> None:
    erasure.erase(contact.as_set(), origin=by_the_system(), requested_by_contact=False)


def erased_after_a_no(contact: Contact) -> None:
    status.deactivate(contact.as_set(), origin=by_link())
    erased(contact)


def moved(contact: Contact) -> None:
    register.change_address(contact, "email", "ann@elsewhere.example", origin=by_the_system())


def without_address(contact: Contact) -> None:
    register.change_address(contact, "email", "", origin=by_the_system())


FATES: list[Callable[[Contact], None]] = [
    live, inactive, opted_out_by_staff, erased, erased_after_a_no, moved, without_address,
]  # fmt: skip


@in_both_bodies
@pytest.mark.parametrize("cookie", [None, "stray"])
@pytest.mark.parametrize("of_type", [True, False], ids=["of a type", "of none"])
@pytest.mark.parametrize("fate", FATES, ids=lambda fate: fate.__name__)
def test_one_click_is_honoured_once(
    contact: Contact,
    topic: CommunicationType,
    multipart: bool,
    cookie: str | None,
    of_type: bool,
    fate: Callable[[Contact], None],
) -> None:
    """However the message's contact fares since: 200 and stopped, 200 again and nothing more."""
    path, mark = link_of(contact, topic if of_type else None), row_of(contact).fingerprint
    fate(contact)
    client = visitor()
    if cookie:
        client.cookies["sessionid"] = "0" * 32
    before = said()
    first = post(client, path, ONE_CLICK, multipart=multipart)
    assert (first.status_code, first.cookies.keys()) == (200, {}.keys())
    after = said()
    assert after > before
    if Contact.objects.filter(pk=contact.pk).exists() and fate not in (moved, without_address):
        assert said_of(contact) == ([("withdrawn", "email", "opt_out_link")] if of_type else STOPPED_ALL)
        assert is_withdrawn(contact, topic) is of_type
    else:
        assert ("opt_out", True) in [(kind, here) for kind, here, _address in blocks_on(mark)]
    for again in (path, f"{path}/"):
        assert post(client, again, ONE_CLICK, multipart=multipart).status_code == 200
    assert said() == after
    assert list(differences()) == []


def test_log_in_is_no_credential_and_no_hindrance(contact: Contact, link: str, editor: Any) -> None:
    client = visitor()
    client.force_login(editor)
    assert post(client, link, ONE_CLICK).status_code == 200
    detail = ConsentDetail.objects.get(entry__contact=contact, entry__method=Method.OPT_OUT_LINK)
    assert (detail.entry.actor_kind, detail.entry.actor_number) == ("contact", None)


def test_merged_contact_is_the_one_they_are_now(contact: Contact, topic: CommunicationType, link: str) -> None:
    into = ContactFactory(project=contact.project)
    merging.merge(into, contact, origin=by(ADMIN))
    before = said_of(into)
    for _time in range(2):
        assert post(visitor(), link, ONE_CLICK).status_code == 200
    assert is_withdrawn(into, topic)
    assert len(said_of(into)) == len(before) + 1


@pytest.mark.parametrize("fate", [live, erased], ids=lambda fate: fate.__name__)
def test_request_needs_no_header_at_all(contact: Contact, link: str, fate: Any) -> None:
    """No User-Agent, Accept, Referer or Origin; nor does any of them get in the way."""
    fate(contact)
    assert post(visitor(), link, ONE_CLICK).status_code == 200
    known = said()
    strange = visitor(
        headers={"origin": "https://mail.example", "referer": "https://mail.example/x", "accept": "*/*",
                 "user-agent": "x\x00y" * 200, "accept-language": "zz;q=a,,\x00"}
    )  # fmt: skip
    assert post(strange, link, ONE_CLICK).status_code == 200
    assert said() == known


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "application/x-www-form-urlencoded"),
        (b"", ""),
        (b'{"List-Unsubscribe": "One-Click"}', "application/json"),
        (b"List-Unsubscribe=One-Click", "text/plain"),
        (b"List-Unsubscribe=One-Click", "multipart/form-data"),
        (b"--x\r\nnot a part", "multipart/form-data; boundary=x"),
        (b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n\xff\r\n--x--", "multipart/form-data; boundary=x"),
        (b"\xff\xfe=%ff&stop=%00&stop=nonsense", "application/x-www-form-urlencoded"),
        (b"stop=nonsense", "application/x-www-form-urlencoded"),
        (b"&".join(b"a=1" for _ in range(11_000)), "application/x-www-form-urlencoded"),
        (b"List-Unsubscribe=One-Click&lang=xx", "application/x-www-form-urlencoded; charset=nonsense"),
    ],
    ids=["empty", "no type", "json", "plain", "no boundary", "broken part", "no UTF-8 part", "bytes", "other word",
         "many fields", "charset"],
)  # fmt: skip
def test_any_body_stops_what_the_link_says(
    contact: Contact, topic: CommunicationType, link: str, body: bytes, kind: str
) -> None:
    """That somebody wants no more is clear from the POST alone."""
    answer = visitor().generic("POST", link, body, content_type=kind)
    assert answer.status_code == 200
    assert said_of(contact) == [("withdrawn", "email", "opt_out_link")]


def test_large_body_stops_too(contact: Contact, link: str) -> None:
    with override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=100):
        for kind in ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' if "multipart" in kind else b"a="
            body = part + b"y" * 1_000 + (b"\r\n--x--" if "multipart" in kind else b"")
            assert visitor().generic("POST", link, body, content_type=kind).status_code == 200
    assert said_of(contact) == [("withdrawn", "email", "opt_out_link")]


# Looking


@pytest.mark.parametrize("method", ["get", "head"])
@pytest.mark.parametrize("fate", [live, inactive, erased, moved], ids=lambda fate: fate.__name__)
def test_looking_changes_nothing(contact: Contact, link: str, method: str, fate: Any) -> None:
    fate(contact)
    before, blocks = said(), Block.objects.count()
    for path in (
        link,
        f"{link}/",
        f"{link}?List-Unsubscribe=One-Click&stop=project",
        f"{link}/again",
        f"/c/{link[3:]}",
    ):
        answer = getattr(visitor(), method)(path)
        assert (answer.status_code, answer.cookies.keys()) == (200, {}.keys())
    assert (said(), Block.objects.count()) == (before, blocks)


@pytest.mark.parametrize("method", ["put", "patch", "delete", "options"])
def test_other_methods_do_not_exist(link: str, method: str) -> None:
    before = said()
    assert getattr(visitor(), method)(link).status_code == 405
    assert said() == before


def test_page_is_not_kept_nor_told_elsewhere(contact: Contact, link: str) -> None:
    for answer in (visitor().get(link), post(visitor(), link, ONE_CLICK), visitor().get("/u/nonsense")):
        assert answer["Cache-Control"] == "no-store"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert "Cookie" not in answer.get("Vary", "")
        assert answer.cookies == {}


def test_page_shows_no_more_than_a_masked_address(contact: Contact, link: str) -> None:
    register.update_details(contact, register.Details(first_name="Annabelle", last_name="Quetzal"))
    for path in (link, f"/c/{link[3:]}"):
        text = visitor().get(path).content.decode()
        assert "a•••••@example.org" in text
        assert not [word for word in ("ann@", "Annabelle", "Quetzal", contact.key) if word in text]


def test_page_speaks_the_language_of_reader_contact_and_browser(contact: Contact, link: str) -> None:
    french = visitor(headers={"accept-language": "de, fr-CA;q=0.8, en;q=0.5"})
    assert 'lang="fr"' in french.get(link).content.decode()[:40]
    register.update_details(contact, register.Details(language="en-CA"))
    assert 'lang="en"' in french.get(link).content.decode()[:40]
    assert 'lang="fr"' in french.get(f"{link}?lang=fr").content.decode()[:40]


# Broken links


def broken(text: str) -> list[str]:
    head, _dot, tail = text.partition(".")
    other = "A" if head[3] != "A" else "B"
    return [
        text[:-1], text[:-20], head, f"{head}.", f".{tail}", f"{text}x", f"{head[:3]}{other}{head[4:]}.{tail}",
        f"{head}.{'A' if tail[0] != 'A' else 'B'}{tail[1:]}", text.swapcase(), "nonsense", "%00", "é" * 10, "x" * 5_000,
        signing.Signer(key="another secret", sep=".", salt="sendable.links").sign_object([1, 1, 0, "x", 0, 0]),
    ]  # fmt: skip


def test_broken_link_is_said_to_be_one(contact: Contact, link: str) -> None:
    before = said()
    for text in broken(link[3:]):
        for path in (f"/u/{text}", f"/c/{text}", f"/u/{text}/again/", f"/c/{text}/personal/"):
            assert (path, visitor().get(path).status_code) == (path, 404)
            answer = post(visitor(), path, ONE_CLICK)
            assert (path, answer.status_code) == (path, 404)
            assert "Nothing was changed" in answer.content.decode()
    assert said() == before


@pytest.mark.parametrize("content", [[], [1], {"a": 1}, "text", [1, 2, 99, "x", 0, 0], ["a", "b", 0, 3, 0, 0], None])
def test_signed_nonsense_is_no_link(db: None, content: Any) -> None:
    """What only who has our keys could make: still a page in words."""
    assert post(visitor(), f"/u/{tokens._signer().sign_object(content)}", ONE_CLICK).status_code == 404


def test_link_of_another_project_stops_nothing_here(
    contact: Contact, topic: CommunicationType, other_project: Project
) -> None:
    """The same address in two projects: each link is about its own, whatever the other's numbers are."""
    elsewhere = subscriber(other_project)
    token = Token(other_project.pk, elsewhere.pk, "email", row_of(contact).fingerprint, topic.pk)
    before = said_of(contact)
    assert post(visitor(), f"/u/{tokens.write(token)}", ONE_CLICK).status_code == 200
    assert (said_of(contact), may_get(contact, topic)) == (before, True)
    assert said_of(elsewhere) == STOPPED_ALL
    # A number of the other project's contact, under this project: nobody here.
    token = Token(contact.project_id, elsewhere.pk, "email", fingerprint("email", "nobody@example.org"))
    assert post(visitor(), f"/u/{tokens.write(token)}", ONE_CLICK).status_code == 200
    assert said_of(contact) == before
    token = Token(10**9, contact.pk, "email", row_of(contact).fingerprint)
    assert post(visitor(), f"/u/{tokens.write(token)}", ONE_CLICK).status_code == 404


def test_link_of_an_older_key_works(contact: Contact, topic: CommunicationType, link: str) -> None:
    with override_settings(LINK_KEYS=["the new key of links", *tokens.settings.LINK_KEYS]):
        assert link_of(contact, topic) != link
        assert post(visitor(), link, ONE_CLICK).status_code == 200
    assert is_withdrawn(contact, topic)


def test_link_of_a_key_that_was_taken_away_does_not(contact: Contact, link: str) -> None:
    before = said()
    with override_settings(LINK_KEYS=["the new key of links"]):
        assert post(visitor(), link, ONE_CLICK).status_code == 404
    assert said() == before


# What is stopped


def test_without_a_centre_everything_is_stopped(project: Project) -> None:
    topic = newsletter(project)
    contact = subscriber(project, topic)
    answer = post(visitor(), link_of(contact, topic), ONE_CLICK)
    assert answer.content == b"stopped: project\n"
    assert said_of(contact) == STOPPED_ALL


@pytest.mark.parametrize(
    "change",
    [
        lambda topic: topic.project.centre.__class__.objects.update(is_open=False),
        lambda topic: topic.project.centre.__class__.objects.update(stops_everything=True),
        lambda topic: CommunicationType.objects.update(archived_at=timezone.now()),
        lambda topic: CommunicationType.objects.update(channels=["sms"]),
        lambda topic: CommunicationType.objects.update(administrative=True),
        lambda topic: CommunicationType.objects.update(project=ProjectFactory()),
    ],
    ids=["centre closed", "stops everything", "archived", "not on the channel", "administrative", "not of the project"],
)
def test_type_that_cannot_be_chosen_is_everything(
    contact: Contact, topic: CommunicationType, link: str, change: Any
) -> None:
    change(topic)
    assert "Stop all messages" in visitor().get(link).content.decode()
    assert post(visitor(), link, ONE_CLICK).status_code == 200
    assert said_of(contact) == STOPPED_ALL


def test_type_is_stopped_on_the_other_channels_where_it_would_be_sent(
    project: Project, topic: CommunicationType
) -> None:
    contact = subscriber(project, topic, sms="+14185550137", push="device-7")
    agree(contact, topic, "sms")
    link = link_of(contact, topic)
    for _time in range(2):
        post(visitor(), link, ONE_CLICK)
    assert [channel for _word, channel, _method in said_of(contact)] == ["email", "sms"]
    assert not may_get(contact, topic, "sms")


def test_other_types_still_arrive(project: Project, contact: Contact, topic: CommunicationType, link: str) -> None:
    other = newsletter(project, slug="events", name="Events")
    agree(contact, other)
    receipts = newsletter(project, slug="receipts", name="Receipts", administrative=True)
    newsletter(project, slug="secret", name="Unseen", is_public=False)
    answer = post(visitor(), link, {"stop": "type"})
    assert (may_get(contact, topic), may_get(contact, other), may_get(contact, receipts)) == (False, True, True)
    text = answer.content.decode()
    assert "You still receive" in text and "Events" in text and "Receipts" in text and "Unseen" not in text


def test_button_for_everything(contact: Contact, topic: CommunicationType, link: str) -> None:
    for _time in range(2):
        answer = post(visitor(), link, {"stop": "project"})
    assert said_of(contact) == STOPPED_ALL
    assert "on any channel" in answer.content.decode()
    assert not is_withdrawn(contact, topic)
    assert not Block.objects.filter(kind=BlockKind.SUPPRESSION).exists()


def test_button_for_the_organization(contact: Contact, topic: CommunicationType, link: str) -> None:
    sister = ProjectFactory(organization=contact.project.organization, slug="sister")
    same_person = subscriber(sister)
    before = may_get(same_person, None)
    for _time in range(2):
        answer = post(visitor(), link, {"stop": "organization"})
    assert (before, may_get(same_person, None)) == (True, False)
    assert said_of(contact) == [*STOPPED_ALL, ("suppression", "email", "opt_out_link")]
    block = Block.objects.get(kind=BlockKind.SUPPRESSION)
    assert (block.project, block.cause, block.is_on) == (None, Cause.REQUEST, True)
    assert "Maison du livre" in answer.content.decode()
    assert list(differences()) == []


def test_no_of_staff_does_not_stand_for_the_persons_own(contact: Contact, topic: CommunicationType, link: str) -> None:
    """Who may let them back depends on it."""
    withdraw(contact.as_set(), topic, "email", origin=asked())
    post(visitor(), link, ONE_CLICK)
    last = ConsentHistory.objects.filter(contact=contact).latest("pk")
    assert (last.method, last.weight) == (Method.OPT_OUT_LINK, Weight.OWN)


def test_no_after_a_return_is_a_new_one(contact: Contact, topic: CommunicationType, link: str) -> None:
    post(visitor(), link, {"stop": "project"})
    authorization = authorized(None, "email")
    status.activate(contact.as_set(), origin=by(ADMIN), authorization=authorization, whole=True)
    assert may_get(contact, topic)
    post(visitor(), link, {"stop": "project"})
    assert said_of(contact) == sorted(STOPPED_ALL * 2)
    assert not may_get(contact, topic)


def test_page_of_what_is_stopped_says_so(contact: Contact, link: str) -> None:
    """A second look, in the other language as well, does not ask again."""
    post(visitor(), link, ONE_CLICK)
    for path in (link, f"{link}?lang=en"):
        assert "<h1>Stopped</h1>" in visitor().get(path).content.decode()


def test_history_says_where_it_came_from(contact: Contact, link: str) -> None:
    client = visitor(headers={"user-agent": "Mail\x00 7"}, REMOTE_ADDR="192.0.2.7")
    post(client, link, ONE_CLICK)
    post(client, link, {"stop": "project"})
    details = [*ConsentDetail.objects.filter(entry__method=Method.OPT_OUT_LINK), *EntryDetail.objects.filter(
        entry__method=Method.OPT_OUT_LINK)]  # fmt: skip
    assert len(details) == 3
    for detail in details:
        assert detail.evidence == {
            "page": "http://testserver/u/", "language": "en", "ip": "192.0.2.7", "user_agent": "Mail 7"
        }  # fmt: skip
        assert detail.entry.actor_kind == "contact"


# After the contact is gone from the address


def test_erased_address_is_blocked_for_whoever_comes_to_it(contact: Contact, project: Project, link: str) -> None:
    mark = row_of(contact).fingerprint
    erased(contact)
    newcomer = ContactFactory(project=project, email="Ann@example.org")
    assert may_get(newcomer, None)
    post(visitor(), link, ONE_CLICK)
    assert not may_get(newcomer, None)
    assert blocks_on(mark) == [("opt_out", True, None)]
    erased(newcomer)
    assert not may_get(ContactFactory(project=project, email="ann@example.org"), None)


def test_moved_contact_keeps_what_they_have(contact: Contact, topic: CommunicationType, link: str) -> None:
    moved(contact)
    text = visitor().get(link).content.decode()
    assert "elsewhere" not in text and "Stop all messages" in text
    answer = post(visitor(), link, {"stop": "type"})
    assert "elsewhere" not in answer.content.decode()
    assert may_get(contact, topic) and said_of(contact) == []
    assert not may_get(ContactFactory(project=contact.project, email="ann@example.org"), None)
    # They come back to the address: the no lies there.
    register.change_address(contact, "email", "ann@example.org", origin=by_the_system())
    assert not may_get(contact, topic)


def test_organization_wide_after_an_erasure(contact: Contact, link: str) -> None:
    sister = ProjectFactory(organization=contact.project.organization, slug="sister")
    same_person = subscriber(sister)
    erased(contact)
    for _time in range(2):
        post(visitor(), link, {"stop": "organization"})
    assert not may_get(same_person, None)
    assert StatusHistory.objects.filter(method=Method.OPT_OUT_LINK).count() == 2
    assert list(differences()) == []


# Under a new key of fingerprints

OLD, NEW = {"old": "old" * 12}, {"new": "new" * 12}


@pytest.fixture
def under_the_old_key() -> Iterator[None]:
    with override_settings(FINGERPRINT_KEYS=OLD):
        check_keys()
        yield


@pytest.mark.parametrize("fate", FATES, ids=lambda fate: fate.__name__)
@pytest.mark.parametrize("rotated_first", [True, False], ids=["fate after rotation", "fate before rotation"])
def test_link_of_an_older_fingerprint_stops(
    db: None, under_the_old_key: None, project: Project, topic: CommunicationType, fate: Any, rotated_first: bool
) -> None:
    """Who has the address now, who comes to it later, and the contact themselves while it is theirs."""
    contact = subscriber(project, topic)
    path = link_of(contact, topic)
    if not rotated_first:
        fate(contact)
    with override_settings(FINGERPRINT_KEYS={**NEW, **OLD}):
        rotate_key()
        if rotated_first:
            fate(contact)
        is_gone = fate in (erased, erased_after_a_no, moved, without_address)
        holder = ContactFactory(project=project, email="ann@example.org") if is_gone else contact
        for _time in range(2):
            before = said()
            assert post(visitor(), path, ONE_CLICK).status_code == 200
        assert said() == before
        assert not may_get(holder, topic if not is_gone else None)
        if is_gone:
            erased(holder)
            assert not may_get(ContactFactory(project=project, email="ann@example.org"), None)
        assert list(differences()) == []


def test_older_fingerprint_that_nobody_has_waits_for_who_comes(
    db: None, under_the_old_key: None, project: Project
) -> None:
    """Also beside a block of today's key that was lifted: the no that came by link is said of that one."""
    contact = subscriber(project)
    path = link_of(contact)
    with override_settings(FINGERPRINT_KEYS={**NEW, **OLD}):
        rotate_key()
        erased_after_a_no(contact)
        for _time in range(2):
            assert post(visitor(), path, ONE_CLICK).status_code == 200
        assert Block.objects.filter(kind=BlockKind.OPT_OUT).count() == 2
        newcomer = ContactFactory(project=project, email="ann@example.org")
        assert not may_get(newcomer, None)
        register.change_address(newcomer, "email", "", origin=by_the_system())
        register.change_address(newcomer, "email", "ann@example.org", origin=by_the_system())
        assert not may_get(newcomer, None)
        assert list(differences()) == []


# While the database is away


@pytest.mark.parametrize("error", [OperationalError, InterfaceError])
@pytest.mark.parametrize("what", ["type", "project", "organization"])
def test_what_could_not_be_stored_is_5xx(contact: Contact, link: str, error: Any, what: str) -> None:
    """The nth statement fails, for n = 1, 2, 3 …: nothing is changed, and the sender is asked to come again."""
    before = said()
    for number in range(1, 500):
        left = number

        def fail(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                raise error("gone")
            return execute(sql, params, many, context)

        with connection.execute_wrapper(fail):
            answer = post(visitor(), link, {"stop": what})
        if left > 0:
            break
        assert (number, answer.status_code, answer["Retry-After"]) == (number, 503, "120")
        assert "Nothing was changed" in answer.content.decode()
        # Only what is shown once it is stored may fail behind it.
        if said() != before:
            before = said()
    else:
        pytest.fail("never succeeded")
    assert answer.status_code == 200
    assert number > 5
    assert list(differences()) == []


def test_nothing_is_asked_of_the_database_to_say_so(contact: Contact, link: str) -> None:
    def fail(*_args: Any) -> Any:
        raise OperationalError("gone")

    client = visitor()
    client.cookies["sessionid"] = "0" * 32
    with connection.execute_wrapper(fail):
        for path in (link, f"{link}/", f"{link}/again/", f"/c/{link[3:]}", f"/c/{link[3:]}/personal/"):
            assert (path, client.get(path).status_code) == (path, 503)
            assert (path, post(client, path, ONE_CLICK).status_code) == (path, 503)


# In production


def test_no_redirect_to_https(contact: Contact, link: str, tmp_path: Any) -> None:
    """RFC 8058, section 3.1: the request must not be redirected."""
    asked_for = "from django.conf import settings; print(settings.SECURE_REDIRECT_EXEMPT, settings.SECURE_SSL_REDIRECT)"
    settings_there = python("manage.py", "shell", "-v", "0", "-c", asked_for, **production(tmp_path / "none.sqlite3"))
    assert settings_there.stdout.strip() == "['^healthz$', '^u/'] True", settings_there.stderr
    with override_settings(SECURE_SSL_REDIRECT=True, SECURE_REDIRECT_EXEMPT=[r"^healthz$", r"^u/"]):
        for path in (link, f"{link}/"):
            assert post(visitor(), path, ONE_CLICK).status_code == 200
            assert visitor().get(path).status_code == 200
        assert visitor().get(f"/c/{link[3:]}").status_code == 301


def test_token_is_in_no_log(contact: Contact, link: str) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    token = link[3:]
    try:
        for path in (link, f"/c/{token}", f"{link}/again", f"/c/{token}/personal", f"/u/{token[:-1]}"):
            visitor().get(path)
            post(visitor(), path, ONE_CLICK)
    finally:
        root.removeHandler(handler)
    text = stream.getvalue()
    assert "request" in text
    assert token[:20] not in text and token[-20:] not in text


# At once


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("fate", "of_type"), [(live, True), (live, False), (erased, True), (moved, True)],
    ids=["type", "everything", "erased", "moved"],
)  # fmt: skip
def test_twenty_at_once_write_once(contact: Contact, topic: CommunicationType, fate: Any, of_type: bool) -> None:
    path = link_of(contact, topic if of_type else None)
    fate(contact)
    before = said()
    answers: list[Any] = []
    ready = threading.Barrier(20)

    def press() -> None:
        try:
            ready.wait(30)
            answers.append(post(visitor(), path, ONE_CLICK).status_code)
        except Exception as error:
            answers.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert answers == [200] * 20
    assert said() - before == (2 if fate is live and not of_type else 1)
    assert list(differences()) == []


def test_queries_do_not_grow(project: Project, contact: Contact, topic: CommunicationType) -> None:
    """Neither with the history nor with what the project sends."""
    path = link_of(contact, topic)
    post(visitor(), path, ONE_CLICK)
    with CaptureQueriesContext(connection) as few:
        post(visitor(), path, {"stop": "type"})
    for number in range(5):
        other = newsletter(project, slug=f"type-{number}")
        agree(contact, other)
        agree(contact, topic)
        withdraw(contact.as_set(), topic, "email", origin=by_link())
    with CaptureQueriesContext(connection) as many:
        post(visitor(), path, {"stop": "type"})
    assert len(few) == len(many)


def test_two_contacts_of_one_address(project: Project, contact: Contact, topic: CommunicationType, link: str) -> None:
    """Stopping everything closes the address for both, and deactivates but the one to whom the message went."""
    other = subscriber(project, topic)
    post(visitor(), link, {"stop": "project"})
    contact.refresh_from_db()
    other.refresh_from_db()
    assert (contact.is_active, other.is_active) == (False, True)
    assert not may_get(other, topic)
    assert StatusHistory.objects.filter(contact=other, aspect=Aspect.OPT_OUT).count() == 0


def test_link_of_a_number(project: Project, topic: CommunicationType) -> None:
    contact = subscriber(project, sms="+14185550137")
    token = token_for(row_of(contact, "sms"), topic)
    text = visitor().get(f"/u/{token}").content.decode()
    assert "•••••37" in text and "5550" not in text
    post(visitor(), f"/u/{token}", ONE_CLICK)
    assert said_of(contact) == [("withdrawn", "sms", "opt_out_link")]
