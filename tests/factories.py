"""One factory a model. Contacts and blocks come into being through the services, with their history."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from consent.models import CommunicationType
from contacts.addresses import normalise
from contacts.models import (
    Block,
    ChannelStatus,
    Contact,
    EntryDetail,
    ErasureReceipt,
    Export,
    Membership,
    Organization,
    OrganizationAdmin,
    Project,
    RelationalRow,
    RelationalTable,
    StatusHistory,
    User,
)
from contacts.origin import THE_SYSTEM, Origin
from contacts.services.blocks import suppress
from contacts.services.erasure import erase
from contacts.services.register import Details, create_contact
from contacts.vocabulary import ActorKind, Aspect, Cause, Channel, Method, Role, Says, Weight

PASSWORD = "a long enough passphrase"


def by_the_system(**fields: Any) -> Origin:
    """The origin of what a test prepares."""
    return Origin(Method.SYSTEM, THE_SYSTEM, **fields)


# Of all projects of tests, so that "today" is one day for all of them, at whatever hour the tests run.
TIME_ZONE = "America/Toronto"


def today() -> date:
    """The day that it is in the projects of tests."""
    return timezone.now().astimezone(ZoneInfo(TIME_ZONE)).date()


class OrganizationFactory(DjangoModelFactory[Organization]):
    class Meta:
        model = Organization

    name = factory.Sequence(lambda number: f"Organization {number}")
    slug = factory.Sequence(lambda number: f"organization-{number}")


class ProjectFactory(DjangoModelFactory[Project]):
    class Meta:
        model = Project

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda number: f"Project {number}")
    slug = factory.Sequence(lambda number: f"project-{number}")
    time_zone = TIME_ZONE


class UserFactory(DjangoModelFactory[User]):
    """A user whose password is PASSWORD."""

    class Meta:
        model = User

    email = factory.Sequence(lambda number: f"user{number}@example.org")
    name = factory.Sequence(lambda number: f"User {number}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **fields: Any) -> User:
        return User.objects.create_user(fields.pop("email"), fields.pop("password", PASSWORD), **fields)


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    project = factory.SubFactory(ProjectFactory)
    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


class OrganizationAdminFactory(DjangoModelFactory[OrganizationAdmin]):
    class Meta:
        model = OrganizationAdmin

    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)


class ContactFactory(DjangoModelFactory[Contact]):
    """A contact with their history; ``email``, ``sms`` and ``push`` are the texts of addresses."""

    class Meta:
        model = Contact

    project = factory.SubFactory(ProjectFactory)
    key = factory.Sequence(lambda number: f"C-{number:05}")

    @classmethod
    def _create(cls, model_class: type[Contact], *args: Any, **fields: Any) -> Contact:
        addresses = {channel: fields.pop(channel, "") for channel in Channel.values}
        origin = fields.pop("origin", None) or by_the_system()
        return create_contact(
            fields.pop("project"),
            key=fields.pop("key"),
            addresses=addresses,
            details=Details(**fields),
            origin=origin,
        )


class ChannelStatusFactory(DjangoModelFactory[ChannelStatus]):
    """The channel of a contact who was added with an address on it."""

    class Meta:
        model = ChannelStatus

    project = factory.SubFactory(ProjectFactory)
    channel = Channel.EMAIL
    address = factory.Sequence(lambda number: f"reader{number}@example.org")

    @classmethod
    def _create(cls, model_class: type[ChannelStatus], *args: Any, **fields: Any) -> ChannelStatus:
        contact = ContactFactory(project=fields["project"], **{fields["channel"]: fields["address"]})
        return ChannelStatus.objects.get(contact=contact, channel=fields["channel"])


class BlockFactory(DjangoModelFactory[Block]):
    """An address on the suppression list of an organization (or, with ``project``, of a project)."""

    class Meta:
        model = Block

    organization = factory.SubFactory(OrganizationFactory)
    project = None
    channel = Channel.EMAIL
    address = factory.Sequence(lambda number: f"blocked{number}@example.org")
    cause = Cause.LISTED

    @classmethod
    def _create(cls, model_class: type[Block], *args: Any, **fields: Any) -> Block:
        address = normalise(fields["channel"], fields["address"])
        project = fields["project"]
        organization = project.organization if project else fields["organization"]
        suppress(
            [address],
            organization=organization,
            project=project,
            recorded_in=project,
            cause=fields["cause"],
            origin=fields.get("origin") or by_the_system(),
        )
        return Block.objects.get(
            organization=organization, project=project, fingerprint=address.fingerprint, cause=fields["cause"]
        )


class StatusHistoryFactory(DjangoModelFactory[StatusHistory]):
    """A bare entry, for tests of readings: no projection moves with it."""

    class Meta:
        model = StatusHistory

    contact = factory.SubFactory(ContactFactory)
    project = factory.SelfAttribute("contact.project")
    organization = factory.SelfAttribute("project.organization")
    aspect = Aspect.ACTIVE
    says = Says.NO
    weight = Weight.OURS
    occurred_at = factory.LazyFunction(timezone.now)
    recorded_at = factory.SelfAttribute("occurred_at")
    word_at = factory.LazyAttribute(
        lambda entry: entry.occurred_at if entry.says == Says.YES and entry.weight else None
    )
    method = Method.SYSTEM
    actor_kind = ActorKind.SYSTEM
    request_id = factory.LazyFunction(uuid.uuid4)


class EntryDetailFactory(DjangoModelFactory[EntryDetail]):
    class Meta:
        model = EntryDetail

    entry = factory.SubFactory(StatusHistoryFactory)
    note = "By telephone."


class RelationalTableFactory(DjangoModelFactory[RelationalTable]):
    class Meta:
        model = RelationalTable

    project = factory.SubFactory(ProjectFactory)
    slug = factory.Sequence(lambda number: f"orders-{number}")
    name = "Orders"
    columns = factory.LazyFunction(lambda: [{"key": "number", "label": "Number"}])


class RelationalRowFactory(DjangoModelFactory[RelationalRow]):
    class Meta:
        model = RelationalRow

    contact = factory.SubFactory(ContactFactory)
    table = factory.SubFactory(RelationalTableFactory, project=factory.SelfAttribute("..contact.project"))
    values = factory.Sequence(lambda number: {"number": f"{number}"})


class ExportFactory(DjangoModelFactory[Export]):
    class Meta:
        model = Export

    project = factory.SubFactory(ProjectFactory)
    subject = "contacts"
    rows = 1
    exported_at = factory.LazyFunction(timezone.now)


class ErasureReceiptFactory(DjangoModelFactory[ErasureReceipt]):
    """The receipt of a contact who was added and erased."""

    class Meta:
        model = ErasureReceipt

    project = factory.SubFactory(ProjectFactory)
    requested_by_contact = False

    @classmethod
    def _create(cls, model_class: type[ErasureReceipt], *args: Any, **fields: Any) -> ErasureReceipt:
        contact = ContactFactory(project=fields["project"])
        [receipt] = erase(
            contact.as_set(),
            origin=fields.get("origin") or by_the_system(),
            requested_by_contact=fields["requested_by_contact"],
        )
        return receipt


class CommunicationTypeFactory(DjangoModelFactory[CommunicationType]):
    class Meta:
        model = CommunicationType

    project = factory.SubFactory(ProjectFactory)
    slug = factory.Sequence(lambda number: f"newsletter-{number}")
    name = "Newsletter"
