"""The page that makes one contact of two: what it shows, what it does, and to whom it is refused."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.models import ChannelStatus, Contact, Project, StatusHistory, User
from contacts.selectors.bulk import pasted_contacts
from contacts.selectors.search import search
from contacts.services.merging import merge, merge_preview
from contacts.services.opt_outs import opt_out
from contacts.services.status import deactivate
from contacts.vocabulary import Aspect, Reason, Says
from tests.factories import ContactFactory, ProjectFactory, RelationalRowFactory
from tests.origins import EDITOR, asked, by, by_link

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(project: Project) -> Contact:
    return ContactFactory(project=project, key="A-1", first_name="Ann", last_name="Roy", email="ann@example.org")


@pytest.fixture
def anna(project: Project) -> Contact:
    return ContactFactory(
        project=project, key="A-2", first_name="Anna", last_name="Roy", email="anna@example.org", sms="+14185550137"
    )


def url(*pair: Contact) -> str:
    path = reverse("contacts:merge", args=["newsletter"])
    return f"{path}?{'&'.join(f'contact={contact.pk}' for contact in pair)}"


def fields(staying: Contact, going: Contact, **changes: Any) -> dict[str, Any]:
    both = Contact.objects.in_bulk([staying.pk, going.pk])
    return {
        "contact": [staying.pk, going.pk],
        "digest": merge_preview(both[staying.pk], both[going.pk]).digest,
        "request_id": str(uuid.uuid4()),
        "keep_email": "staying",
        **changes,
    }


def entries() -> int:
    return StatusHistory.objects.count()


def test_an_editor_merges(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    answer = client.post(url(), fields(ann, anna), follow=True)
    assert answer.redirect_chain == [(ann.get_absolute_url(), 302)]
    assert b"Merged." in answer.content
    anna.refresh_from_db()
    assert anna.merged_into_id == ann.pk


def test_the_other_one_may_stay(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    shown = client.get(url(ann, anna))
    assert shown.context["swap_url"] == url(anna, ann)
    client.post(url(), fields(anna, ann, keep_email="going"))
    ann.refresh_from_db()
    assert ann.merged_into_id == anna.pk
    assert ChannelStatus.objects.get(contact=anna, channel="email").address == "ann@example.org"


def test_confirmation_changes_nothing(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    before = entries()
    for look in (client.get, client.head):
        assert look(url(ann, anna)).status_code == 200
    anna.refresh_from_db()
    assert (entries(), anna.merged_into) == (before, None)


def test_what_the_confirmation_shows(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=asked())
    opt_out(anna.as_set(), "sms", origin=by_link())
    RelationalRowFactory(contact=anna)
    no = StatusHistory.objects.get(contact=anna, aspect=Aspect.ACTIVE, says=Says.NO)
    client.force_login(editor)
    text = client.get(url(ann, anna)).content.decode()
    for words in (
        "A merge cannot be taken back.",
        "anna@example.org",
        "+1 418-555-0137",
        "A no of Anna Roy stays: Deactivated.",
        "A no of Anna Roy stays: Opted out of SMS.",
        f"entry {no.pk}",
        "the contact who stays will be inactive",
        "Relational data: 1 goes over",
        "The key A-2 finds the contact who stays",
        "Which email address is kept?",
    ):
        assert words in text
    assert "Which number is kept?" not in text


def test_same_request_twice_merges_once(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    sent = fields(ann, anna)
    client.post(url(), sent)
    before = entries()
    again = client.post(url(), sent)
    assert (again.status_code, again["Location"], entries()) == (302, ann.get_absolute_url(), before)


def test_another_request_for_who_is_merged_leads_to_who_stayed(
    client: Client, editor: User, ann: Contact, anna: Contact
) -> None:
    client.force_login(editor)
    sent = fields(ann, anna)
    merge(ann, anna, origin=by(EDITOR))
    before = entries()
    for answer in (
        client.get(url(ann, anna)),
        client.get(url(anna, ann)),
        client.post(url(), sent),
        client.post(url(), {**sent, "contact": [anna.pk, ann.pk]}),
    ):
        assert client.get(answer["Location"], follow=True).redirect_chain in ([], [(ann.get_absolute_url(), 302)])
    assert entries() == before


def test_a_confirmation_goes_stale(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    sent = fields(ann, anna)
    deactivate(anna.as_set(), origin=by_link())
    answer = client.post(url(), sent)
    assert answer.status_code == 200
    assert b"Something changed since you looked." in answer.content
    assert b"A no of Anna Roy stays: Deactivated." in answer.content
    anna.refresh_from_db()
    assert anna.merged_into is None
    client.post(url(), fields(ann, anna))
    anna.refresh_from_db()
    assert anna.merged_into_id == ann.pk


@pytest.mark.parametrize("kept", ["", "x", "email", "\x00"])
def test_an_address_must_be_chosen(client: Client, editor: User, ann: Contact, anna: Contact, kept: str) -> None:
    client.force_login(editor)
    answer = client.post(url(), fields(ann, anna, keep_email=kept))
    assert b"Choose the address that is kept." in answer.content
    anna.refresh_from_db()
    assert anna.merged_into is None


def test_without_a_digest_nothing_happens(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    for digest in ("", "x", "🦊"):
        assert b"Something changed" in client.post(url(), fields(ann, anna, digest=digest)).content
    anna.refresh_from_db()
    assert anna.merged_into is None


def test_viewer_is_refused(client: Client, viewer: User, ann: Contact, anna: Contact) -> None:
    client.force_login(viewer)
    assert client.get(url(ann, anna)).status_code == 403
    assert client.post(url(), fields(ann, anna)).status_code == 403
    anna.refresh_from_db()
    assert anna.merged_into is None


def test_stranger_finds_nothing(client: Client, stranger: User, ann: Contact, anna: Contact) -> None:
    client.force_login(stranger)
    assert client.get(url(ann, anna)).status_code == 404
    assert client.post(url(), fields(ann, anna)).status_code == 404


def test_a_contact_of_another_project_is_not_found(client: Client, editor: User, ann: Contact) -> None:
    elsewhere = ContactFactory(project=ProjectFactory(organization=ann.organization), key="B-1")
    client.force_login(editor)
    assert client.get(url(ann, elsewhere)).status_code == 404
    sent = {"contact": [ann.pk, elsewhere.pk], "digest": "", "request_id": str(uuid.uuid4())}
    assert client.post(url(), sent).status_code == 404
    assert client.get(f"{url()}key=A-1&key=B-1")["Location"] == reverse("contacts:duplicates", args=["newsletter"])


@pytest.mark.parametrize("other", ["0", "-1", "x", "", "9" * 18, str(2**63), "9" * 40, "\x00", "١"])
def test_bad_numbers(client: Client, editor: User, ann: Contact, other: str) -> None:
    client.force_login(editor)
    assert client.get(url(), {"contact": [str(ann.pk), other]}).status_code == 404
    assert client.post(url(), {"contact": [str(ann.pk), other]}).status_code == 404


@pytest.mark.parametrize("number", [0, 1, 3])
def test_two_must_be_chosen(client: Client, editor: User, project: Project, number: int) -> None:
    client.force_login(editor)
    some = [ContactFactory(project=project) for _number in range(number)]
    answer = client.get(url(*some), follow=True)
    assert answer.redirect_chain[0][0] == reverse("contacts:duplicates", args=["newsletter"])
    assert b"Choose two contacts" in answer.content


def test_one_chosen_twice(client: Client, editor: User, ann: Contact) -> None:
    client.force_login(editor)
    assert client.get(url(ann, ann)).status_code == 404


def test_two_are_found_by_their_keys(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    found = client.get(url(), {"key": [" A-2 ", "A-1"]}).context["merging"]
    assert (found.staying, found.going) == (anna, ann)
    for keys in (["A-2", "A-3"], ["A-2", "\x00"], ["🦊", "م"]):
        assert b"No two contacts have these keys" in client.get(url(), {"key": keys}, follow=True).content


# After it


def test_the_address_of_the_merged_one_leads_to_who_stayed(
    client: Client, editor: User, ann: Contact, anna: Contact
) -> None:
    merge(ann, anna, origin=by(EDITOR))
    client.force_login(editor)
    assert client.get(anna.get_absolute_url())["Location"] == ann.get_absolute_url()
    for name in ("contact_edit", "deactivate", "activate"):
        shown = client.get(reverse(f"contacts:{name}", args=["newsletter", anna.pk]))
        assert shown.context["contact"] == ann


def test_a_form_of_the_merged_one_that_is_sent_late_reaches_who_stayed(
    client: Client, editor: User, ann: Contact, anna: Contact
) -> None:
    merge(ann, anna, origin=by(EDITOR))
    client.force_login(editor)
    sent = {"reason": "verbal_request", "note": "", "request_id": str(uuid.uuid4())}
    client.post(reverse("contacts:deactivate", args=["newsletter", anna.pk]), sent)
    ann.refresh_from_db()
    assert not ann.is_active


def test_the_old_key_finds_who_stayed(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    merge(ann, anna, origin=by(EDITOR))
    for text in ("A-2", "a-2", "Anna", "Roy, Anna", "A-1", "Ann"):
        assert list(search(ann.project, text)) == [ann]
    client.force_login(editor)
    shown = client.get(reverse("contacts:contact_list", args=["newsletter"]), {"q": "A-2"})
    assert [row.id for row in shown.context["rows"]] == [ann.pk]
    assert pasted_contacts(ann.project, ["A-2", "A-1"]).selection.ids == (ann.pk,)


def test_lists_show_one_contact(client: Client, admin: User, ann: Contact, anna: Contact) -> None:
    merge(ann, anna, origin=by(EDITOR))
    client.force_login(admin)
    rows = client.get(reverse("contacts:contact_list", args=["newsletter"])).context["rows"]
    assert [row.id for row in rows] == [ann.pk]


def test_the_history_tells_both(client: Client, admin: User, ann: Contact, anna: Contact) -> None:
    deactivate(anna.as_set(), origin=by_link())
    no = StatusHistory.objects.get(contact=anna, says=Says.NO)
    merge(ann, anna, origin=by(EDITOR))
    carried = StatusHistory.objects.get(contact=ann, reason=Reason.MERGED, says=Says.NO)
    client.force_login(admin)
    profile = client.get(ann.get_absolute_url())
    told = {entry.id: entry for entry in profile.context["profile"].history.entries}
    assert set(StatusHistory.objects.values_list("pk", flat=True)) == set(told)
    assert told[no.pk].merged_into == ann.pk
    text = profile.content.decode()
    assert "Anna Roy</a> (merged)" in text
    assert f"from a merged contact: entry {no.pk}" in text
    assert "opted out with a link" in text
    assert "as a contact who was merged into this one" in text
    history = client.get(reverse("contacts:history", args=["newsletter"]), {"contact": "A-2"})
    shown = [entry.id for day in history.context["days"] for entry in day.entries]
    assert set(shown) == set(told)
    for entry in told:
        assert client.get(reverse("contacts:entry", args=["newsletter", entry])).status_code == 200
    page = client.get(reverse("contacts:entry", args=["newsletter", carried.pk])).content.decode()
    assert f"entry {no.pk}, of a contact who was merged into this one" in page


def test_who_may_activate_is_told_by_the_noes_of_both(
    client: Client, editor: User, ann: Contact, anna: Contact
) -> None:
    deactivate(anna.as_set(), origin=by_link())
    merge(ann, anna, origin=by(EDITOR))
    client.force_login(editor)
    shown = client.get(reverse("contacts:activate", args=["newsletter", ann.pk]))
    assert shown.context["activation"].refusal == "Only an admin may activate a contact who opted out."
    assert len(shown.context["activation"].causes) == 1


def test_a_slip_of_before_the_merge_is_taken_back_on_its_page(
    client: Client, admin: User, ann: Contact, anna: Contact
) -> None:
    deactivate(anna.as_set(), origin=asked())
    slip = StatusHistory.objects.get(contact=anna, says=Says.NO)
    merge(ann, anna, origin=by(EDITOR))
    client.force_login(admin)
    page = reverse("contacts:undo", args=["newsletter", slip.pk])
    shown = client.get(page).context["undoing"]
    assert [after.sentence for after in shown.after] == ["The contact is active."]
    client.post(page, {"request_id": str(uuid.uuid4()), "note": ""})
    ann.refresh_from_db()
    assert ann.is_active


def test_history_names_who_and_when(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)
    client.post(url(), fields(ann, anna))
    said = StatusHistory.objects.filter(aspect=Aspect.MERGE)
    assert {(entry.contact_id, entry.actor_label, entry.reason) for entry in said} == {
        (ann.pk, "Edgar Editor", "merged"),
        (anna.pk, "Edgar Editor", "merged"),
    }


def test_queries_do_not_grow(client: Client, editor: User, ann: Contact, anna: Contact) -> None:
    client.force_login(editor)

    def counted() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(url(ann, anna))
        return len(queries)

    deactivate(anna.as_set(), origin=by_link())
    before = counted()
    for _number in range(5):
        deactivate(anna.as_set(), origin=by_link())
        deactivate(ann.as_set(), origin=by_link())
        RelationalRowFactory(contact=anna)
    assert counted() - before in (0, 1)


def test_neighbours_on_the_profile_may_be_merged(client: Client, editor: User, viewer: User, ann: Contact) -> None:
    other = ContactFactory(project=ann.project, email="ann@example.org")
    link = url(ann, other).replace("&", "&amp;")
    for user, is_offered in ((editor, True), (viewer, False)):
        client.force_login(user)
        assert (link in client.get(ann.get_absolute_url()).content.decode()) is is_offered
