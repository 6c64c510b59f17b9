"""Consents that a list brings: with their dates, basis and proof, and never over a no."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from consent.checks import differences
from consent.models import CommunicationType, Consent, ConsentDetail, ConsentHistory
from consent.services.consents import grant, withdraw
from consent.vocabulary import Basis, ImpliedBy, Word
from contacts.csv_columns import guess_targets, registered_targets
from contacts.eligibility import Question, eligible
from contacts.models import Contact, ImportRow, Project
from contacts.models.imports import ImportMode
from contacts.origin import Origin
from contacts.services.imports import undoing, work
from contacts.vocabulary import Channel
from tests.consent.saying import by_form
from tests.factories import CommunicationTypeFactory
from tests.imports import import_text
from tests.origins import ADMIN, asked, by, by_link

pytestmark = pytest.mark.django_db

TARGETS = ["email", "consent:news:email", "consent:news:on", "consent:news:basis", "consent:news:until",
           "consent:news:proof"]  # fmt: skip
HEADER = "Email,News,Since,Basis,Until,Proof\n"


@pytest.fixture
def news(project: Project) -> CommunicationType:
    return CommunicationTypeFactory(project=project, slug="news", name="News", accepts_implied=True)


def row(email: str, *cells: str) -> str:
    return ",".join([f"{email}@example.org", *cells, *[""] * (5 - len(cells))]) + "\n"


def who_agrees(news: CommunicationType) -> set[str]:
    found = eligible(Contact.objects.in_project(news.project), Question(Channel.EMAIL, news))
    return {key.partition("@")[0] for key in found.values_list("key", flat=True)}


def test_a_list_brings_consents_with_their_proof(project: Project, news: CommunicationType) -> None:
    year = timezone.now().year
    text = HEADER + "".join(
        [
            row("ann", "yes", f"{year - 1}-03-01", "express", "", "Card 7"),
            row("bob", "yes", f"{year - 1}-12-01", "purchase"),
            row("cleo", "inquiry", "2019-01-01"),
            row("dan", "no"),
            row("eve", "unsubscribed", "2024-05-01"),
            row("fay", "implied", "", "", f"{year + 2}-01-01"),
            row("guy"),
        ]
    )
    done = import_text(project, text, targets=TARGETS)
    assert done.counts == (7, 7, 0, 0, 0)
    assert who_agrees(news) == {"ann", "bob", "fay"}
    ann = ConsentHistory.objects.get(contact__key="ann@example.org")
    assert (ann.basis, ann.line, ann.weight, ann.method) == (Basis.EXPRESS, 2, 0, "import")
    assert ann.request_id == done.job.request_id
    assert ConsentDetail.objects.get(entry=ann).note == "Card 7"
    bob = ConsentHistory.objects.get(contact__key="bob@example.org")
    assert (bob.implied_by, bob.implied_until.year) == (ImpliedBy.PURCHASE, year + 1)  # type: ignore[union-attr]
    assert Consent.objects.get(contact__key="eve@example.org").is_withdrawn
    assert not ConsentHistory.objects.filter(contact__key__in=["dan@example.org", "guy@example.org"]).exists()
    assert not list(differences())


def test_the_same_list_again_writes_nothing(project: Project, news: CommunicationType) -> None:
    text = HEADER + row("ann", "yes") + row("bob", "yes", "2025-01-01", "purchase") + row("cleo", "yes", "2024-01-01")
    import_text(project, text, targets=TARGETS)
    assert import_text(project, text, targets=TARGETS).counts == (3, 0, 0, 3, 0)
    assert ConsentHistory.objects.count() == 3


def test_a_list_never_opts_in_over_a_no(project: Project, news: CommunicationType) -> None:
    text = HEADER + row("ann", "yes", "", "express") + row("bob", "yes", "", "express")
    import_text(project, HEADER + row("ann") + row("bob"), targets=TARGETS)
    people = Contact.objects.in_project(project)
    withdraw(people.filter(key="ann@example.org"), news, Channel.EMAIL, origin=by_link())
    withdraw(people.filter(key="bob@example.org"), news, Channel.EMAIL, origin=asked())
    import_text(project, text, targets=TARGETS)
    assert who_agrees(news) == set()


def test_a_no_in_a_list_takes_back_what_was_agreed(project: Project, news: CommunicationType) -> None:
    import_text(project, HEADER + row("ann", "yes") + row("bob"), targets=TARGETS)
    import_text(project, HEADER + row("ann", "no") + row("bob", "no"), targets=TARGETS)
    assert who_agrees(news) == set()
    assert ConsentHistory.objects.filter(word=Word.WITHDRAWN).count() == 1


def test_the_persons_later_word_outweighs_what_a_list_says_of_before(project: Project, news: CommunicationType) -> None:
    import_text(project, HEADER + row("ann"), targets=TARGETS)
    grant(Contact.objects.filter(key="ann@example.org"), news, Channel.EMAIL, origin=by_form())
    import_text(project, HEADER + row("ann", "withdrawn", "2025-01-01"), targets=TARGETS)
    assert who_agrees(news) == {"ann"}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (("perhaps",), "“perhaps” is neither an agreement nor a withdrawal"),
        (("yes", "yesterday"), "This is no date that can be read"),
        (("yes", "2124-01-01"), "in the future"),
        (("yes", "", "because"), "“because” is no basis of consent"),
        (("yes", "", "purchase"), "since when the consent is implied"),
        (("implied",), "until when the consent is implied"),
    ],
)
def test_a_row_that_cannot_be_taken_is_rejected_in_words(
    project: Project, news: CommunicationType, cells: tuple[str, ...], words: str
) -> None:
    done = import_text(project, HEADER + row("ann", *cells), targets=TARGETS)
    assert done.counts == (1, 0, 0, 0, 1)
    assert words in ImportRow.objects.get(job=done.job).error
    assert not ConsentHistory.objects.exists()


def test_a_membership_may_end_in_the_future(project: Project, news: CommunicationType) -> None:
    ends = (timezone.now() + timedelta(days=200)).date().isoformat()
    import_text(project, HEADER + row("ann", "yes", ends, "membership"), targets=TARGETS)
    entry = ConsentHistory.objects.get()
    assert entry.implied_until is not None
    assert entry.implied_until - timezone.now() > timedelta(days=200 + 700)
    assert who_agrees(news) == {"ann"}


def test_undoing_the_list_takes_its_consents_back(project: Project, news: CommunicationType) -> None:
    first = import_text(project, HEADER + row("ann", "yes") + row("bob", "withdrawn"), targets=TARGETS)
    bob = Contact.objects.filter(key="bob@example.org")
    grant(bob, news, Channel.EMAIL, origin=by(ADMIN), authorization=None)
    assert undoing.preview(first.job, ADMIN).entries >= 2
    undoing.begin(first.job, Origin(by(ADMIN).method, ADMIN))
    work.work_on(first.job.pk)
    assert who_agrees(news) == set()
    assert not Consent.objects.get(contact__key="bob@example.org").is_withdrawn
    assert ConsentHistory.objects.filter(word=Word.VOID).count() == 2
    assert not list(differences())


def test_columns_are_guessed_by_their_names(project: Project, news: CommunicationType) -> None:
    letters = CommunicationTypeFactory(project=project, slug="letters", name="Letters", channels=["email"])
    names = ["Email", "News email", "news date", "Letters", "Letters source", "letters opt-in email"]
    targets = guess_targets(names, registered=registered_targets(letters.project))
    assert targets == [
        "email", "consent:news:email", "consent:news:on", "consent:letters:email", "consent:letters:proof",
        "consent:letters:email",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "targets", "mode"),
    [
        ("Email,Phone,News\nann@example.org,nonsense,withdrawn\n", ["email", "sms", "consent:news:email"], ""),
        ("Email,News,Since\nann@example.org,withdrawn,yesterday\n", TARGETS[:3], ""),
        ("Email,News\nann@example.org,yes\nann@example.org,withdrawn\n", TARGETS[:2], ""),
        ("Email,News\nann@example.org,withdrawn\n", TARGETS[:2], ImportMode.ADD),
    ],
    ids=["rejected for another cell", "its date cannot be read", "comes twice", "adds only"],
)
def test_a_withdrawal_counts_whatever_becomes_of_its_row(
    project: Project, news: CommunicationType, text: str, targets: list[str], mode: str
) -> None:
    import_text(project, HEADER + row("ann", "yes"), targets=TARGETS)
    done = import_text(project, text, targets=targets, mode=mode or ImportMode.ADD_AND_UPDATE)
    assert who_agrees(news) == set()
    rows, created, updated, unchanged, rejected = done.counts
    assert rows == created + updated + unchanged + rejected
    assert not list(differences())


def test_a_rejected_row_agrees_to_nothing(project: Project, news: CommunicationType) -> None:
    import_text(project, HEADER + row("ann"), targets=TARGETS)
    text = "Email,Phone,News\nann@example.org,nonsense,yes\n"
    import_text(project, text, targets=["email", "sms", "consent:news:email"])
    assert not ConsentHistory.objects.exists()


def test_each_withdrawal_of_a_contact_who_comes_twice_is_kept(project: Project, news: CommunicationType) -> None:
    import_text(project, HEADER + row("ann"), targets=TARGETS)
    grant(Contact.objects.filter(key="ann@example.org"), news, Channel.EMAIL, origin=by_form())
    now = timezone.now().isoformat()
    import_text(project, HEADER + row("ann", "withdrawn", now) + row("ann", "withdrawn", "2020-01-01"), targets=TARGETS)
    assert who_agrees(news) == set()
    assert ConsentHistory.objects.filter(word=Word.WITHDRAWN).count() == 2


@pytest.mark.parametrize("on", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "T", "9" * 20, "2130-01-01"])
def test_a_withdrawal_of_an_impossible_day_is_one_of_now(project: Project, news: CommunicationType, on: str) -> None:
    import_text(project, HEADER + row("ann", "yes"), targets=TARGETS)
    import_text(project, HEADER + row("ann", "withdrawn", on), targets=TARGETS)
    assert who_agrees(news) == set()


def test_a_withdrawal_in_a_rejected_row_keeps_its_day(project: Project, news: CommunicationType) -> None:
    import_text(project, HEADER + row("ann", "yes"), targets=TARGETS)
    text = "Email,Phone,News,Since,Proof\nann@example.org,nonsense,withdrawn,2024-05-01T10:00:00.5Z,Letter 4\n"
    import_text(project, text, targets=["email", "sms", *TARGETS[1:3], "consent:news:proof"])
    entry = ConsentHistory.objects.get(word=Word.WITHDRAWN)
    assert entry.occurred_at.isoformat() == "2024-05-01T10:00:00.500000+00:00"
    assert ConsentDetail.objects.get(entry=entry).note == "Letter 4"
