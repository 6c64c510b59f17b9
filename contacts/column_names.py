"""What columns and words mean, as Mailchimp, HubSpot, Brevo, listmonk, spreadsheets and people write them.

English and French, compared without capitals, accents and signs.
"""

from __future__ import annotations

import re
import unicodedata

# In each list the first name that a file has is the one that counts.
NAMES: dict[str, tuple[str, ...]] = {
    "key": (
        "key", "cle", "customer number", "customer no", "customer id", "client number", "member number", "member id",
        "external id", "ext id", "numero de client", "numero client", "no client", "numero de membre", "identifiant",
    ),
    "email": (
        "email address", "email", "e mail", "e mail address", "mail", "primary email", "contact email", "courriel",
        "adresse courriel", "adresse email", "adresse e mail", "adresse mail", "adresse de courriel", "e mail 1 value",
    ),
    "sms": (
        "sms", "sms phone number", "sms number", "mobile", "mobile phone", "mobile phone number", "mobile number",
        "cell", "cell phone", "cellphone", "cellulaire", "telephone mobile", "telephone cellulaire", "portable",
        "numero de mobile", "telephone portable", "phone number", "phone", "telephone", "telephone number", "tel",
        "numero de telephone", "phone 1 value",
    ),
    "push": ("push", "push token", "device token", "jeton push"),
    "first_name": ("first name", "firstname", "fname", "given name", "prenom"),
    "last_name": ("last name", "lastname", "lname", "surname", "family name", "nom de famille", "nom"),
    "full_name": ("full name", "fullname", "name", "contact name", "display name", "nom complet", "prenom et nom"),
    "language": ("language", "preferred language", "lang", "locale", "langue", "langue preferee"),
    "notes": ("notes", "note", "remarques"),
    "attributes": ("attributes", "attribs"),
}  # fmt: skip

# The first word of the columns that our own export adds. They tell what was true then: nothing is taken from them,
# but who they say may not be sent to does not arrive as somebody new.
OF_OUR_EXPORTS = "Sendable"

# Columns whose cell says yes or no, or a word, to a no of the person. Without a channel: all that the file has.
OPT_OUT: dict[str, frozenset[str]] = {
    "email": frozenset({
        "email opt out", "email opted out", "opted out of email", "has opted out of email", "opt out of email",
        "unsubscribed from all email", "unsubscribed from email", "email unsubscribed", "email blacklisted",
        "email blocklisted", "portal unsubscribe", "do not email", "no email", "ne pas envoyer de courriel",
        "desabonne courriel", "desabonne des courriels", "desinscrit email", "refus email", "refus courriel",
    }),
    "sms": frozenset({
        "sms opt out", "sms opted out", "opted out of sms", "has opted out of sms", "sms unsubscribed",
        "sms blacklisted", "sms blocklisted", "do not text", "do not sms", "no sms", "desabonne sms",
        "desinscrit sms", "refus sms",
    }),
    "push": frozenset({"push opt out", "push opted out", "opted out of push", "push unsubscribed"}),
    "all": frozenset({"do not contact", "do not contact me", "ne pas contacter", "ne plus contacter"}),
    "": frozenset({
        "opted out", "opt out", "optout", "has opted out", "unsubscribed", "is unsubscribed", "unsubscribe",
        "blacklisted", "blocklisted", "is blocklisted", "desabonne", "desabonnee", "desinscrit", "desinscrite",
        "desabonnement", "desinscription", "liste noire",
    }),
}  # fmt: skip

# Columns whose cell says when the person said no; a filled one is a no.
OPT_OUT_ON: dict[str, frozenset[str]] = {
    "email": frozenset({
        "unsub time", "unsubscribed at", "unsubscribed on", "unsubscribe date", "unsubscribed date",
        "unsubscribe time", "unsubscription date", "date unsubscribed", "opt out date", "opt out time", "optout date",
        "optout time", "opted out at", "opted out on", "date opted out", "email opt out date", "email opted out at",
        "email unsubscribed at", "date de desinscription", "desinscrit le", "desinscrite le",
        "date de desabonnement", "desabonne le", "desabonnee le", "date desinscription", "date desabonnement",
    }),
    "sms": frozenset({
        "sms opt out date", "sms opted out at", "sms unsubscribed at", "sms unsubscribe date", "sms stop date",
        "date de desinscription sms", "date de desabonnement sms",
    }),
}  # fmt: skip

# Columns that only lists of people who left have: by their own no, or because receivers refused or complained.
LEFT_BY_THEIR_NO = frozenset({
    "unsub time", "unsub reason", "unsub reason other", "unsub campaign title", "unsub campaign id",
    "portal unsubscribe", "unsubscribed at", "unsubscribe date", "unsubscribe reason", "unsubscribed on",
    "date de desinscription", "desinscrit le", "date de desabonnement", "desabonne le", "motif de desinscription",
    "motif de desabonnement", "raison de desinscription",
})  # fmt: skip
LEFT_BY_RECEIVERS = frozenset({
    "clean time", "clean campaign title", "clean campaign id", "global bounce", "portal bounce",
    "portal spam report", "bounce reason", "bounced at", "bounce type", "bounce date", "bounced", "hard bounced",
    "hard bounce", "email hard bounce reason", "complained at", "complaint date", "blocklisted at", "blocked at",
    "blocked reason", "date de rebond", "type de rebond",
})  # fmt: skip

# Columns in which a word says that somebody left.
WORD_COLUMNS = frozenset({
    "status", "subscription status", "email status", "email marketing status", "email marketing", "subscription",
    "subscriber status", "contact status", "member status", "statut", "etat", "statut d abonnement",
})  # fmt: skip
WORDS_OF_A_NO = frozenset({
    "unsubscribed", "unsubscribe", "opted out", "opt out", "optout", "do not contact", "do not email", "stop",
    "desinscrit", "desinscrite", "desabonne", "desabonnee", "ne pas contacter", "ne plus contacter",
})  # fmt: skip
WORDS_OF_RECEIVERS = frozenset({
    "blocklisted", "blacklisted", "cleaned", "bounced", "bounce", "hard bounced", "hard bounce", "complained",
    "complaint", "spam complaint", "suppressed", "spam", "abuse", "disabled", "liste noire", "rebond", "bloque",
    "bloquee",
})  # fmt: skip
LEFT_WORDS = WORDS_OF_A_NO | WORDS_OF_RECEIVERS
TRUE_WORDS = frozenset({"true", "yes", "1", "oui", "vrai", "y", "x", "t", "on"})
FALSE_WORDS = frozenset({"", "false", "no", "0", "non", "faux", "n", "f", "off", "null", "none"})

# Pieces of a file's name, as tools give it to lists of people who left.
LEFT_FILES_BY_THEIR_NO = ("unsubscribe", "unsubs", "opt out", "optout", "desabonne", "desinscri")
LEFT_FILES_BY_RECEIVERS = ("cleaned", "bounce", "blocklist", "blacklist", "complain", "suppress", "rebond")


def plain(name: str) -> str:
    """A name as it is compared: small letters without accents, words with one space between."""
    letters = unicodedata.normalize("NFKD", name.casefold())
    return " ".join(re.findall(r"[^\W_]+", "".join(c for c in letters if not unicodedata.combining(c))))


_KNOWN = frozenset(name for names in NAMES.values() for name in names)


def is_known(name: str) -> bool:
    return plain(name) in _KNOWN
