"""The register's coded words (DESIGN: Vocabulary), with the labels that screens show."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Channel(models.TextChoices):
    EMAIL = "email", _("Email")
    SMS = "sms", _("SMS")
    PUSH = "push", _("Push")


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    ADMIN = "admin", _("Admin")


class Aspect(models.TextChoices):
    """What an entry is about. The first four are gates, the others values."""

    ACTIVE = "active", _("Activity")
    OPT_OUT = "opt_out", _("Opt-out")
    QUARANTINE = "quarantine", _("Quarantine")
    SUPPRESSION = "suppression", _("Suppression")
    ADDRESS = "address", _("Address")
    VALIDITY = "validity", _("Validity")
    KEY = "key", _("Key")
    MERGE = "merge", _("Merge")


GATES = frozenset({Aspect.ACTIVE, Aspect.OPT_OUT, Aspect.QUARANTINE, Aspect.SUPPRESSION})


class BlockKind(models.TextChoices):
    OPT_OUT = "opt_out", _("Opt-out")
    QUARANTINE = "quarantine", _("Quarantine")
    SUPPRESSION = "suppression", _("Suppression")


class Cause(models.TextChoices):
    """Why a block lies on an address. One cause is one gate: lifting it lifts no other."""

    OPT_OUT = "opt_out", _("opted out")
    NO_SUCH_ADDRESS = "no_such_address", _("the address does not exist")
    DELIVERY_ERRORS = "delivery_errors", _("repeated delivery errors")
    COMPLAINT = "complaint", _("spam complaint")
    STOP = "stop", _("replied STOP")
    REQUEST = "request", _("asked for it")
    LISTED = "listed", _("put on the list")


class Method(models.TextChoices):
    MANUAL = "manual", _("Manual")
    OPT_OUT_LINK = "opt_out_link", _("Opt-out link")
    IMPORT = "import", _("Import")
    API = "api", _("API")
    SPAM_REPORT = "spam_report", _("Spam report")
    FORM = "form", _("Form")
    BOUNCE = "bounce", _("Bounce")
    SMS = "sms", _("SMS")
    MAIL = "mail", _("Mail")
    SYSTEM = "system", _("System")


class Weight(models.IntegerChoices):
    """Whose word a change is."""

    OURS = 0, _("Ours")
    REPORTED = 1, _("The contact's word, written down")
    OWN = 2, _("The contact's own act")
    COMPLAINT = 3, _("Complaint")


class Says(models.TextChoices):
    NO = "no", _("No")
    YES = "yes", _("Yes")
    VALUE = "value", _("Value")
    VOID = "void", _("Taken back")


class Reason(models.TextChoices):
    VERBAL_REQUEST = "verbal_request", _("Verbal request of the contact")
    WRITTEN_REQUEST = "written_request", _("Written request of the contact")
    OWN_REQUEST = "own_request", _("The contact's own act")
    OTHER = "other", _("Our own decision")
    REPLACED = "replaced", _("Not in the new list")
    RETURNED = "returned", _("Back in a new list")
    AUTHORIZED = "authorized", _("Authorization of the contact")
    CREATED = "created", _("Contact created")
    CORRECTED = "corrected", _("Correction")
    NO_SUCH_ADDRESS = "no_such_address", _("The address does not exist")
    DELIVERY_ERRORS = "delivery_errors", _("Repeated delivery errors")
    REACHABLE = "reachable", _("Reachable again")
    COMPLAINT = "complaint", _("Spam complaint")
    STOP = "stop", _("Replied STOP")
    ERASURE = "erasure", _("Kept after an erasure")
    SLIP = "slip", _("Taken back")
    MERGED = "merged", _("Carried over in a merge")


class AuthorizationSource(models.TextChoices):
    VERBAL = "verbal", _("Verbal request, for example by telephone")
    WRITTEN = "written", _("Written request, for example an email or a letter")
    FORM = "form", _("Form filled in by the contact")
    OTHER = "other", _("Other")


class ActorKind(models.TextChoices):
    USER = "user", _("User")
    CONTACT = "contact", _("The contact")
    TOKEN = "token", _("API token")
    IMPORT = "import", _("Import")
    SYSTEM = "system", _("The system")


class ApiScope(models.TextChoices):
    """What a token of the web service may do."""

    READ = "read", _("Read contacts, history and consents")
    WRITE = "write", _("Add, change, deactivate, import, record consents")
    AUTHORIZE = "authorize", _("Lift what a contact decided, with their authorization")
    ERASE = "erase", _("Delete contacts for good")
    SEND_CHECK = "send-check", _("Ask whether something may be sent")
    REPORT = "report", _("Report spam complaints, bounces and replies")


SHUT = {
    Aspect.ACTIVE: "inactive",
    Aspect.OPT_OUT: "opted_out",
    Aspect.QUARANTINE: "quarantined",
    Aspect.SUPPRESSION: "suppressed",
}
OPEN = {
    Aspect.ACTIVE: "active",
    Aspect.OPT_OUT: "not_opted_out",
    Aspect.QUARANTINE: "not_quarantined",
    Aspect.SUPPRESSION: "not_suppressed",
}
