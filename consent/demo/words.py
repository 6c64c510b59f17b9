"""What the Harbour Museum sends, and what its forms say, in English and French."""

from __future__ import annotations

from typing import Any, Final

from consent.vocabulary import FormKind

NEWSLETTER, OPENINGS, EVENTS = "monthly-newsletter", "exhibition-openings", "members-events"
OFFERS, RECEIPTS = "shop-offers", "tickets-and-receipts"

INTRODUCTION = {
    "en": "You decide what the museum sends you. A change holds at once.",
    "fr": "Vous décidez de ce que le musée vous envoie. Un changement vaut tout de suite.",
}

# Slug, name, description, the same in French, channels, and what else differs from a type as it is.
TYPES: Final[tuple[tuple[str, str, str, str, str, list[str], dict[str, Any]], ...]] = (
    (
        NEWSLETTER, "Monthly newsletter", "What is on at the museum, once a month.",
        "Infolettre mensuelle", "Ce qui se passe au musée, une fois par mois.", ["email"], {},
    ),
    (
        OPENINGS, "Exhibition openings", "Invitations to previews, about six a year.",
        "Vernissages", "Invitations aux avant-premières, environ six par année.", ["email", "sms", "push"], {},
    ),
    (
        EVENTS, "Members’ events", "Talks, tours and family days.",
        "Activités des membres", "Conférences, visites et journées en famille.", ["email", "sms", "push"],
        {"accepts_implied": True},
    ),
    (
        OFFERS, "Shop offers", "Books and prints at a lower price.",
        "Offres de la boutique", "Livres et affiches à prix réduit.", ["email", "sms"], {"accepts_implied": True},
    ),
    (
        RECEIPTS, "Tickets and receipts", "Sent by email when you buy something.",
        "Billets et reçus", "Envoyés par courriel à chaque achat.", ["email"],
        {"administrative": True, "double_opt_in": False},
    ),
)  # fmt: skip

SUBSCRIBE, UPDATE = "harbour-museum-news", "harbour-museum-profile"
PAGES = {
    SUBSCRIBE: "https://museum.example.org/news",
    UPDATE: "https://museum.example.org/your-profile",
}

_FIRST = {
    "en": {
        "title": "News from the museum",
        "introduction": "Tell us where to write to.",
        "wording": "Yes, send me what I ticked. I can stop it at any time.",
        "thanks": "Thank you. We have sent you a message: confirm your address with the link in it.",
    },
    "fr": {
        "title": "Nouvelles du musée",
        "introduction": "Dites-nous où vous écrire.",
        "wording": "Oui, envoyez-moi ce que j’ai coché. Je peux y mettre fin en tout temps.",
        "thanks": "Merci. Nous vous avons écrit : confirmez votre adresse avec le lien du message.",
    },
}
_SECOND = {
    "en": {
        **_FIRST["en"],
        "introduction": "What would you like to hear about?",
        "wording": "I agree that the Harbour Museum, 12 Quay Street, Halifax, sends me what I ticked. "
        "I can take this back at any time, with the link in every message or at privacy@example.org.",
    },
    "fr": {
        **_FIRST["fr"],
        "introduction": "De quoi souhaitez-vous entendre parler ?",
        "wording": "J’accepte que le Harbour Museum, 12 Quay Street, Halifax, m’envoie ce que j’ai coché. "
        "Je peux retirer ce consentement en tout temps, avec le lien de chaque message ou à privacy@example.org.",
    },
}
_PROFILE = {
    "en": {
        "title": "Your profile",
        "introduction": "Correct what we know of you, and choose what we send you.",
        "wording": "I agree that the Harbour Museum sends me what I ticked. I can take this back at any time.",
        "thanks": "Saved.",
    },
    "fr": {
        "title": "Votre profil",
        "introduction": "Corrigez ce que nous savons de vous et choisissez ce que nous vous envoyons.",
        "wording": "J’accepte que le Harbour Museum m’envoie ce que j’ai coché. Je peux y mettre fin en tout temps.",
        "thanks": "C’est enregistré.",
    },
}

# Slug, name, kind, the texts of its versions, what it asks for, and which types it offers on which channels.
FORMS: Final[tuple[tuple[str, str, FormKind, tuple[Any, ...], list[str], dict[str, list[str]]], ...]] = (
    (
        SUBSCRIBE, "News from the museum", FormKind.SUBSCRIBE, (_FIRST, _SECOND),
        ["first_name", "last_name", "language"], {NEWSLETTER: ["email"], OPENINGS: ["email"], EVENTS: ["email"]},
    ),
    (
        UPDATE, "Your profile", FormKind.UPDATE, (_PROFILE,), ["first_name", "last_name", "language"],
        {NEWSLETTER: ["email"], OPENINGS: ["email", "sms"], EVENTS: ["email", "sms"], OFFERS: ["email"]},
    ),
)  # fmt: skip

# How many days ago contacts asked to be erased, and what they were answered.
REQUESTS: list[tuple[int, str]] = [
    (26, ""),
    (3, ""),
    (
        61,
        "You bought a season ticket in 2024. The Income Tax Act (section 230) has us keep the receipt until the end of "
        "2030, with your name and address. We use it for nothing else. You can complain to the Office of the Privacy "
        "Commissioner of Canada.",
    ),
]
