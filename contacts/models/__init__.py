"""The register's data. Each module has one subject; import models from here."""

from contacts.models.api import ApiToken, IdempotentRequest
from contacts.models.block import Block
from contacts.models.contact import ChannelStatus, Contact
from contacts.models.export import Export
from contacts.models.fingerprint_key import FingerprintKey
from contacts.models.imports import ImportJob, ImportMapping, ImportPiece, ImportRow
from contacts.models.lease import Lease
from contacts.models.ledger import EntryDetail, ErasureReceipt, LedgerEntry, StatusHistory
from contacts.models.project import Membership, Organization, OrganizationAdmin, Project
from contacts.models.relational import RelationalRow, RelationalTable
from contacts.models.user import User

__all__ = [
    "ApiToken",
    "Block",
    "ChannelStatus",
    "Contact",
    "EntryDetail",
    "ErasureReceipt",
    "Export",
    "FingerprintKey",
    "IdempotentRequest",
    "ImportJob",
    "ImportMapping",
    "ImportPiece",
    "ImportRow",
    "Lease",
    "LedgerEntry",
    "Membership",
    "Organization",
    "OrganizationAdmin",
    "Project",
    "RelationalRow",
    "RelationalTable",
    "StatusHistory",
    "User",
]
