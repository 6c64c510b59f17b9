"""The consent centre's coded words (DESIGN: Vocabulary), with the labels that screens show."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Word(models.TextChoices):
    """What an entry of the consent ledger says."""

    GRANTED = "granted", _("Granted")
    WITHDRAWN = "withdrawn", _("Withdrawn")
    PENDING = "pending", _("Not confirmed yet")
    VOID = "void", _("Taken back")


class Basis(models.TextChoices):
    """Express consent is said; implied consent follows from what happened, for a time (CASL, section 10)."""

    EXPRESS = "express", _("Express")
    IMPLIED = "implied", _("Implied")


class ImpliedBy(models.TextChoices):
    """What consent is implied by. The period of a membership starts when it ends."""

    INQUIRY = "inquiry", _("An inquiry")
    PURCHASE = "purchase", _("A purchase")
    MEMBERSHIP = "membership", _("A membership")
    OTHER = "other", _("Something else, with an end of its own")


class ConsentState(models.TextChoices):
    """What a contact's entries about one type on one channel amount to."""

    NONE = "none", _("No consent")
    PENDING = "pending", _("Not confirmed yet")
    EXPRESS = "express", _("Express consent")
    IMPLIED = "implied", _("Implied consent")
    ENDED = "ended", _("Implied consent has ended")
    WITHDRAWN = "withdrawn", _("Withdrawn")


class FormKind(models.TextChoices):
    SUBSCRIBE = "subscribe", _("Subscribe")
    UPDATE = "update", _("Update profile")


class LinkPurpose(models.TextChoices):
    """What a link that we mailed is for."""

    CONFIRM = "confirm", _("Confirming an opt-in")
    PERSONAL = "personal", _("Seeing and changing personal data")
    NEW_ADDRESS = "new_address", _("Confirming a new address")
    ADDRESS_CHANGED = "address_changed", _("Notice of a changed address")
    ANSWER = "answer", _("Answer to a request")


class RequestState(models.TextChoices):
    OPEN = "open", _("Open")
    DONE = "done", _("Erased")
    REFUSED = "refused", _("Refused")


class Door(models.TextChoices):
    """Through which door something came back from receivers."""

    API = "api", _("API")
    MAIL = "mail", _("Mail")
    WEBHOOK = "webhook", _("Webhook")


class ReportOutcome(models.TextChoices):
    """What became of a spam report."""

    SUPPRESSED = "suppressed", _("Suppressed")
    WAITING = "waiting", _("Waits for review")
    NO_MATCH = "no_match", _("Nobody found")
    IGNORED = "ignored", _("Kept, changes nothing")
    DISMISSED = "dismissed", _("Dismissed")


class FoundBy(models.TextChoices):
    """How a spam report names somebody."""

    TOKEN = "token", _("Our own token")
    RECIPIENT = "recipient", _("The recipient that it names")


class DeliveryKind(models.TextChoices):
    """What receivers and providers tell of one message to one address."""

    DELIVERED = "delivered", _("Delivered")
    BOUNCED = "bounced", _("Bounced")
    REJECTED = "rejected", _("Rejected")
    DEFERRED = "deferred", _("Delayed")
    COMPLAINED = "complained", _("Complained")
    UNSUBSCRIBED = "unsubscribed", _("Unsubscribed")
    SUBSCRIBED = "subscribed", _("Subscribed")
    AUTORESPONDED = "autoresponded", _("Answered automatically")


class DeliveryOutcome(models.TextChoices):
    """What became of it."""

    RECORDED = "recorded", _("Recorded")
    COUNTED = "counted", _("Counted")
    QUARANTINED = "quarantined", _("Quarantined")
    STOPPED = "stopped", _("Opted out")
    SUPPRESSED = "suppressed", _("Suppressed")
    WAITING = "waiting", _("Waits for review")
    NO_MATCH = "no_match", _("Nobody found")
    DISMISSED = "dismissed", _("Dismissed")


class ReplyOutcome(models.TextChoices):
    """What became of a text message that somebody sent back."""

    STOPPED = "stopped", _("Stopped")
    STARTED = "started", _("Started again")
    HELPED = "helped", _("Asked for help")
    WAITING = "waiting", _("Waits for review")
    NOTHING = "nothing", _("Says nothing about stopping")
    DISMISSED = "dismissed", _("Dismissed")
