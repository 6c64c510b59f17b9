"""What every provider posts, in any order and however often: the same end state; and who is let in at all."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction
from django.db.models import Max
from django.test import Client
from django.urls import reverse
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from consent.incoming.providers import BY_SLUG, PROVIDERS
from consent.models import DeliveryEvent, ReportedAddress, SpamReport, UnreadMail, WebhookEndpoint
from consent.services.mail_headers import links_for
from consent.tokens import token_for
from consent.vocabulary import DeliveryKind, DeliveryOutcome, Door, ReportOutcome
from contacts.models import Block, ChannelStatus, Contact, Project, StatusHistory
from contacts.vocabulary import Says
from tests.consent import provider_posts as posts
from tests.consent.links import row_of
from tests.consent.provider_posts import (
    BOUNCED,
    COMPLAINED,
    DELIVERED,
    HANDING_OVER,
    SAYING,
    UNSUBSCRIBED,
    endpoint_of,
    path_of,
    post,
)
from tests.factories import ContactFactory

pytestmark = pytest.mark.django_db
ALL = sorted(SAYING)
DEFERRED = DeliveryKind.DEFERRED.value
KINDS = (BOUNCED, COMPLAINED, UNSUBSCRIBED, DELIVERED)
PEOPLE = {kind: f"{kind}@{kind}.example.org" for kind in KINDS}


@pytest.fixture
def people(project: Project) -> dict[str, Contact]:
    return {kind: ContactFactory(project=project, key=kind, email=address) for kind, address in PEOPLE.items()}


def state() -> list[Any]:
    """What holds of everybody, and what the history says, without its numbers and times."""
    rows = ChannelStatus.objects.order_by("contact__key", "channel").values_list(
        "contact__key", "contact__is_active", "opted_out", "quarantined", "suppressed"
    )
    entries = StatusHistory.objects.exclude(aspect="address").values_list(
        "contact__key", "aspect", "to_value", "method", "reason", "weight", "occurred_at"
    )
    blocks = Block.objects.values_list("kind", "cause", "fingerprint", "is_on")
    events = DeliveryEvent.objects.values_list("kind", "address", "outcome", "status")
    return [list(rows), *(sorted(map(str, found)) for found in (entries, blocks, events))]


def told_by(provider: str) -> list[Any]:
    return [said for kind in KINDS if (said := SAYING[provider](kind, PEOPLE[kind])) is not None]


def test_all_providers_of_the_library_are_known() -> None:
    from anymail import urls

    names = {str(path.name).removesuffix("_webhook") for path in urls.urlpatterns}
    known = {name.removesuffix("_tracking").removesuffix("_inbound") for name in names} - {"sendinblue"}
    assert known == set(BY_SLUG) == set(SAYING)


@pytest.mark.parametrize("provider", ALL)
def test_each_kind_of_event_changes_what_it_should(provider: str, project: Project, people: dict[str, Contact]) -> None:
    endpoint = endpoint_of(project, provider)
    for said in told_by(provider):
        assert post(endpoint, said).status_code == 200
    for kind, contact in people.items():
        says = SAYING[provider](kind, PEOPLE[kind]) is not None
        contact.refresh_from_db()
        row = row_of(contact)
        assert (kind, row.quarantined) == (kind, says and kind == BOUNCED)
        assert (kind, row.suppressed) == (kind, says and kind == COMPLAINED)
        assert (kind, row.opted_out) == (kind, says and kind == UNSUBSCRIBED)
        assert (kind, contact.is_active) == (kind, not (says and kind in (COMPLAINED, UNSUBSCRIBED)))
        assert DeliveryEvent.objects.filter(contact=contact, kind=kind).count() == int(says)
    endpoint.refresh_from_db()
    assert endpoint.last_event_at is not None
    assert set(DeliveryEvent.objects.values_list("provider", "door")) == {(provider, Door.WEBHOOK)}


def end_state() -> list[Any]:
    """What holds in the end, and what was said to each gate last, by whom and how: on that all else depends."""
    statuses, _entries, blocks, events = state()
    noes = StatusHistory.objects.filter(says=Says.NO).order_by()
    gate = ("contact__key", "aspect", "channel", "block__cause", "block__fingerprint", "method", "reason", "weight")
    last = noes.values(*gate).annotate(last=Max("occurred_at")).values_list(*gate, "last")
    reports = ReportedAddress.objects.values_list(
        "contact__key", "fingerprint", "report__outcome", "report__occurred_at", "report__form"
    )
    return [statuses, blocks, events, *(sorted(map(str, found)) for found in (last, reports))]


@pytest.mark.parametrize("provider", ALL)
def test_shuffled_and_repeated_events_end_in_the_same_state(provider: str, project: Project) -> None:
    """Of somebody who has an address alone, and of two who share one, who are told of in every way."""
    ContactFactory(project=project, key="ann", email="ann@example.org")
    for key in ("mum", "dad"):
        ContactFactory(project=project, key=key, email="family@example.net")
    project.delivery_errors = 2
    project.save()
    endpoint = endpoint_of(project, provider)
    said = [
        posts.earlier(one, hours)
        for address in ("ann@example.org", "family@example.net")
        for one in (*(SAYING[provider](kind, address) for kind in KINDS), posts.deferred(provider, address))
        if one is not None
        for hours in ((0, 30) if address.startswith("ann") else (0,))
    ]

    def played(order: list[Any]) -> list[Any]:
        """What a history ends in; it is undone for the next one."""
        point = transaction.savepoint()
        for one in order:
            assert post(endpoint, one).status_code == 200
        found = end_state()
        transaction.savepoint_rollback(point)
        return found

    expected = played(said)
    kinds = {kind for kind in (*KINDS, DEFERRED) if f"('{kind}', " in str(expected[2])}
    told = {kind for kind in KINDS if SAYING[provider](kind, "ann@example.org") is not None}
    assert kinds == told | ({DEFERRED} if posts.deferred(provider, "ann@example.org") else set())

    @settings(max_examples=2, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(order=st.permutations(said), again=st.lists(st.sampled_from(said), max_size=4))
    def in_any_order(order: list[Any], again: list[Any]) -> None:
        assert played([*order, *again]) == expected

    in_any_order()


@pytest.mark.parametrize("provider", ALL)
def test_what_is_not_signed_is_refused_without_details(
    provider: str, project: Project, people: dict[str, Contact]
) -> None:
    endpoint, before = endpoint_of(project, provider), state()
    for said in told_by(provider):
        if provider in ("mailgun", "unisender_go"):  # signed within
            body, kind, headers = posts.packed(endpoint, said, path_of(endpoint))
            body = body.replace(posts.SECRET.encode(), b"").replace(b'"signature": "', b'"signature": "0')
            body = body.replace(b'"auth": "', b'"auth": "0')
            answer = Client().post(path_of(endpoint), body, content_type=kind, headers=headers)
        else:
            answer = post(endpoint, said, signs=False)
        assert answer.status_code in (401, 403)
        assert b"secret" not in answer.content.lower()
        assert b"key" not in answer.content.lower()
    assert state() == before


@pytest.mark.parametrize("provider", ALL)
def test_a_wrong_signature_or_password_is_refused(provider: str, project: Project, people: dict[str, Contact]) -> None:
    endpoint, before = endpoint_of(project, provider), state()
    other = endpoint_of(project, provider)
    other.secrets = {name: f"{value[:-4]}XXXX" if name != "webhook_key" or provider != "postal" else value
                     for name, value in other.secrets.items()}  # fmt: skip
    if provider == "postal":
        other.secrets["webhook_key"] = "MFswDQYJKoZIhvcNAQEBBQADSgAwRwJAdGVzdA"
    WebhookEndpoint.objects.filter(pk=other.pk).update(secrets=other.secrets)
    for said in told_by(provider):
        body, kind, headers = posts.packed(endpoint, said, path_of(other))
        answer = Client().post(
            path_of(other), body, content_type=kind, headers={**headers, "Authorization": "Basic c2VuZGFibGU6d3Jvbmc="}
        )  # fmt: skip
        assert answer.status_code == 403
    assert state() == before


@pytest.mark.parametrize("provider", [provider.slug for provider in PROVIDERS if not provider.needs_password])
def test_without_its_secret_an_endpoint_takes_nothing(provider: str, project: Project) -> None:
    endpoint = endpoint_of(project, provider)
    WebhookEndpoint.objects.filter(pk=endpoint.pk).update(secrets={})
    assert post(endpoint, told_by(provider)[0]).status_code == 403
    assert not DeliveryEvent.objects.exists()


def test_whoever_sends_no_password_is_asked_for_it(project: Project) -> None:
    """Amazon sends one only then."""
    endpoint = endpoint_of(project, "amazon_ses")
    answer = post(endpoint, told_by("amazon_ses")[0], signs=False)
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, 'Basic realm="sendable"')


@pytest.mark.parametrize("provider", ALL)
def test_looking_and_other_methods_change_nothing(provider: str, project: Project) -> None:
    endpoint, client = endpoint_of(project, provider), Client()
    before = state()
    assert client.head(path_of(endpoint)).status_code == 200
    assert client.get(path_of(endpoint)).status_code == (200 if provider == "unisender_go" else 405)
    for method in (client.put, client.patch, client.delete, client.options):
        assert method(path_of(endpoint)).status_code == 405
    assert state() == before


@pytest.mark.parametrize("is_mail", [False, True])
def test_an_unknown_key_is_not_found(is_mail: bool, project: Project) -> None:
    endpoint = endpoint_of(project, "postmark")
    endpoint.key = uuid.uuid4()
    assert post(endpoint, told_by("postmark")[0], is_mail=is_mail).status_code == 404
    assert Client().get(path_of(endpoint, is_mail=is_mail)).status_code == 404


def test_a_removed_project_member_is_of_no_concern(project: Project, other_project: Project) -> None:
    """Events concern the endpoint's project alone, whoever else has the address."""
    here, there = (ContactFactory(project=where, email=PEOPLE[BOUNCED]) for where in (project, other_project))
    post(endpoint_of(project, "postmark"), SAYING["postmark"](BOUNCED, PEOPLE[BOUNCED]))
    assert (row_of(here).quarantined, row_of(there).quarantined) == (True, False)


def test_too_large_a_post_is_refused(project: Project) -> None:
    endpoint = endpoint_of(project, "postmark")
    said = {**SAYING["postmark"](BOUNCED, PEOPLE[BOUNCED]), "Details": "x" * (12 * 1024 * 1024)}
    assert post(endpoint, said).status_code == 413


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize(
    "said", [[], {}, [1], {"a": []}, None, "text", {"event": 1, "email": {}}, {"Type": "Notification", "Message": "{"}]
)
def test_what_is_signed_and_makes_no_sense_changes_nothing(provider: str, said: Any, project: Project) -> None:
    if provider == "amazon_ses" and (not isinstance(said, dict) or not said):
        said = {"Type": "Notification", "Message": json.dumps(said)}
    if provider == "unisender_go" and not isinstance(said, dict):
        said = {"events_by_user": said}
    assert post(endpoint_of(project, provider), said).status_code in (200, 400, 403)
    assert not DeliveryEvent.objects.exclude(outcome=DeliveryOutcome.NO_MATCH).exists()


@pytest.mark.parametrize("text", ["\0", "\ud800", "x" * 5000, "🛑@example.org", "a@b@c", "<>", "\r\nTo: a@example.org"])
def test_odd_words_in_events_are_taken_as_they_are(text: str, project: Project) -> None:
    endpoint = endpoint_of(project, "postmark")
    said = {**SAYING["postmark"](BOUNCED, "a@example.org"), "Email": text, "MessageID": text, "Details": text}
    assert post(endpoint, said).status_code == 200
    assert post(endpoint, {**said, "Email": "a@example.org"}).status_code == 200


def test_the_provider_sends_again_while_the_database_is_away(project: Project, monkeypatch: Any) -> None:
    endpoint = endpoint_of(project, "postmark")

    def away(*_args: Any, **_particulars: Any) -> None:
        raise OperationalError("the database is away")

    with connection.execute_wrapper(away):
        answer = post(endpoint, told_by("postmark")[0])
    assert (answer.status_code, answer["Retry-After"]) == (503, "120")


def test_our_token_in_the_message_names_the_contact(project: Project) -> None:
    """Two have the address: the token says which of them complained."""
    one, other = (ContactFactory(project=project, key=key, email="family@example.org") for key in ("one", "other"))
    headers = [{"name": name, "value": value} for name, value in links_for(row_of(other)).headers.items()]
    said = SAYING["amazon_ses"](COMPLAINED, "family@example.org")
    said["mail"]["headers"] = headers
    assert post(endpoint_of(project, "amazon_ses"), said).status_code == 200
    one.refresh_from_db()
    other.refresh_from_db()
    assert (one.is_active, other.is_active) == (True, False)


def test_a_token_in_the_receivers_words_names_nobody(project: Project) -> None:
    """Whoever refuses a message could write somebody else's link into the refusal."""
    other = ContactFactory(project=project, key="other", email="other@example.org")
    said = SAYING["postmark"](COMPLAINED, "ann@example.org")
    post(endpoint_of(project, "postmark"), {**said, "Details": f"see /u/{token_for(row_of(other))}"})
    other.refresh_from_db()
    assert other.is_active


def test_a_token_of_another_recipient_names_nobody(project: Project) -> None:
    ann = ContactFactory(project=project, key="ann", email="ann@example.org")
    bob = ContactFactory(project=project, key="bob", email="bob@example.org")
    said = {**SAYING["postmark"](COMPLAINED, "bob@example.org"), "Metadata": {"token": token_for(row_of(ann))}}
    assert post(endpoint_of(project, "postmark"), said).status_code == 200
    ann.refresh_from_db()
    bob.refresh_from_db()
    assert (ann.is_active, bob.is_active) == (True, False)


def test_a_complaint_of_one_of_several_waits(project: Project) -> None:
    """Amazon names all recipients at a domain that redacts who complained."""
    people = [ContactFactory(project=project, email=f"{name}@example.org") for name in ("ann", "bob")]
    said = SAYING["amazon_ses"](COMPLAINED, "ann@example.org")
    said["complaint"]["complainedRecipients"].append({"emailAddress": "bob@example.org"})
    assert post(endpoint_of(project, "amazon_ses"), said).status_code == 200
    assert list(SpamReport.objects.values_list("outcome", flat=True)) == [ReportOutcome.WAITING] * 2
    assert all(person.__class__.objects.get(pk=person.pk).is_active for person in people)


def test_resend_does_not_say_which_of_several_recipients(project: Project) -> None:
    ann = ContactFactory(project=project, email="ann@example.org")
    said = SAYING["resend"](COMPLAINED, "ann@example.org")
    said["data"]["cc"] = ["bob@example.org"]
    assert post(endpoint_of(project, "resend"), said).status_code == 200
    ann.refresh_from_db()
    assert ann.is_active
    assert not row_of(ann).suppressed


def test_what_the_provider_remembers_says_nothing_of_the_address(project: Project) -> None:
    """Refused since the provider has it on its own list: that is neither a bounce nor a complaint of today."""
    project.delivery_errors = 1
    project.save()
    ann = ContactFactory(project=project, email="ann@example.org")
    post(
        endpoint_of(project, "brevo"), {**SAYING["brevo"](BOUNCED, "ann@example.org"), "event": "blocked", "reason": ""}
    )
    assert not row_of(ann).quarantined
    assert DeliveryEvent.objects.get().kind == DeliveryKind.REJECTED


def test_a_subscription_at_the_provider_opts_nobody_in(project: Project) -> None:
    ann = ContactFactory(project=project, email="ann@example.org")
    endpoint = endpoint_of(project, "postmark")
    post(endpoint, SAYING["postmark"](UNSUBSCRIBED, "ann@example.org"))
    again = {**SAYING["postmark"](UNSUBSCRIBED, "ann@example.org"), "SuppressSending": False}
    assert post(endpoint, again).status_code == 200
    ann.refresh_from_db()
    assert not ann.is_active
    assert DeliveryEvent.objects.get(kind=DeliveryKind.SUBSCRIBED).outcome == DeliveryOutcome.RECORDED


def test_opens_and_clicks_are_not_kept(project: Project) -> None:
    said = {"RecordType": "Open", "Recipient": "ann@example.org", "MessageID": "1", "ReceivedAt": posts.AT_ISO}
    assert post(endpoint_of(project, "postmark"), said).status_code == 200
    assert not DeliveryEvent.objects.exists()


def test_an_admin_confirms_that_amazon_may_send(project: Project) -> None:
    endpoint = endpoint_of(project, "amazon_ses")
    address = "https://sns.ca-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
    said = {"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Token": "abc", "SubscribeURL": address}
    assert post(endpoint, said).status_code == 200
    endpoint.refresh_from_db()
    assert endpoint.secrets["confirm_at"] == address
    assert post(endpoint, told_by("amazon_ses")[0]).status_code == 200
    endpoint.refresh_from_db()
    assert "confirm_at" not in endpoint.secrets


@pytest.mark.parametrize(
    "address",
    ["http://sns.us-east-1.amazonaws.com/", "https://sns.us-east-1.amazonaws.com.evil.example/", "javascript:alert(1)",
     "https://evil@sns.us-east-1.amazonaws.com:80/", 7, None],
)  # fmt: skip
def test_no_other_address_is_shown_to_be_opened(address: Any, project: Project) -> None:
    endpoint = endpoint_of(project, "amazon_ses")
    said = {"Type": "SubscriptionConfirmation", "TopicArn": "arn", "Token": "abc", "SubscribeURL": address}
    assert post(endpoint, said).status_code == 200
    endpoint.refresh_from_db()
    assert "confirm_at" not in endpoint.secrets


def test_sendgrid_signs_with_a_key_where_one_is_kept(project: Project) -> None:
    key = "".join(posts.public(posts.ec_key()).splitlines()[1:-1])
    endpoint = endpoint_of(project, "sendgrid", verification_key=key)
    said = told_by("sendgrid")[0]
    assert post(endpoint, said).status_code == 200
    assert post(endpoint, said, **{"X-Twilio-Email-Event-Webhook-Signature": "AAAA"}).status_code == 403


# Mail that a provider hands over

STOPPING = """\
From: ann@example.org
To: stop@reply.example.org
Subject: {token}
Date: Thu, 20 Nov 2025 12:00:00 +0000
Message-ID: <1@example.org>
Auto-Submitted: auto-generated

Please
"""


@pytest.mark.parametrize(
    ("provider", "handing_over"), HANDING_OVER, ids=lambda value: getattr(value, "__name__", value)
)
def test_mail_that_a_provider_received_is_taken(
    provider: str, handing_over: Callable[[str], Any], project: Project, settings: Any
) -> None:
    settings.REPLY_DOMAIN = "reply.example.org"
    ann = ContactFactory(project=project, email="ann@example.org")
    said = handing_over(STOPPING.format(token=token_for(row_of(ann))))
    assert post(endpoint_of(project, provider), said, is_mail=True).status_code == 200
    ann.refresh_from_db()
    assert not UnreadMail.objects.exists()
    assert (ann.is_active, row_of(ann).opted_out) == (False, True)
    assert set(StatusHistory.objects.filter(aspect="opt_out").values_list("method", flat=True)) == {"mail"}


@pytest.mark.parametrize("provider", sorted({provider for provider, _make in HANDING_OVER}))
def test_mail_that_cannot_be_read_is_kept_aside(provider: str, project: Project) -> None:
    endpoint = endpoint_of(project, provider)
    said: Any = {"x": "y"} if provider in ("mailgun", "sendgrid") else [{"msys": {"relay_message": {}}}]
    if provider in ("amazon_ses", "postal"):
        said = {"message": 7, "Type": "Notification", "Message": "{"}
    if provider == "mandrill":
        said = [{"event": "inbound", "msg": {}}]
    assert post(endpoint, said, is_mail=True).status_code == 200
    kept = UnreadMail.objects.get()
    assert (kept.project, bool(kept.raw)) == (project, True)


@pytest.mark.parametrize("provider", sorted({provider.slug for provider in PROVIDERS if provider.inbound is None}))
def test_providers_that_hand_over_no_mail_have_no_address_for_it(provider: str, project: Project) -> None:
    assert Client().post(path_of(endpoint_of(project, provider), is_mail=True)).status_code == 404


def test_the_address_of_a_webhook_says_nothing_of_the_project(project: Project) -> None:
    endpoint = endpoint_of(project, "postmark")
    assert reverse("consent:webhook", args=[endpoint.key]) == f"/webhooks/{endpoint.key}/"
