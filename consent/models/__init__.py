"""What a project sends, what contacts agreed to, and the public pages. Import models from here."""

from consent.models.centre import Centre
from consent.models.communication_type import CommunicationType
from consent.models.consent import Consent
from consent.models.erasure_request import ErasureRequest
from consent.models.feedback import (
    DeliveryEvent,
    InboundReply,
    ReportedAddress,
    SpamReport,
    UnreadMail,
    WebhookEndpoint,
)
from consent.models.form import Form, FormVersion
from consent.models.ledger import ConsentDetail, ConsentHistory
from consent.models.mailed_link import MailedLink

__all__ = [
    "Centre",
    "CommunicationType",
    "Consent",
    "ConsentDetail",
    "ConsentHistory",
    "DeliveryEvent",
    "ErasureRequest",
    "Form",
    "FormVersion",
    "InboundReply",
    "MailedLink",
    "ReportedAddress",
    "SpamReport",
    "UnreadMail",
    "WebhookEndpoint",
]
