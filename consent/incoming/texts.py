"""What a text message means: stop, start again, help, perhaps stop, or nothing of the kind. English and French.

A message that is one of the known words and nothing else is sure, in any case, with any accents, marks and emoji. A
message that speaks of stopping in a sentence is not: somebody has to read it.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

LONGEST_WORDS = 200
_FEW_WORDS = 4


class Meaning(Enum):
    STOP = "stop"
    START = "start"
    HELP = "help"
    MAYBE_STOP = "maybe_stop"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Read:
    """What a text means, and the keyword that says so (empty where it is a guess or nothing)."""

    meaning: Meaning
    keyword: str = ""


# 47 CFR 64.1200(a)(10), the words that carriers and gateways know, and their French ones.
_STOP = {
    "stop": "STOP", "stopall": "STOPALL", "stop all": "STOPALL", "unsubscribe": "UNSUBSCRIBE", "end": "END",
    "cancel": "CANCEL", "quit": "QUIT", "revoke": "REVOKE", "opt out": "OPT OUT", "optout": "OPT OUT",
    "arret": "ARRÊT", "arreter": "ARRÊT", "arretez": "ARRÊT", "arrete": "ARRÊT",
    "desabonner": "DÉSABONNER", "desabonnez": "DÉSABONNER", "desabonnez moi": "DÉSABONNER",
    "desabonne": "DÉSABONNER", "desabonnement": "DÉSABONNER", "me desabonner": "DÉSABONNER",
    "se desabonner": "DÉSABONNER", "desinscrire": "DÉSABONNER", "desinscription": "DÉSABONNER",
}  # fmt: skip
_START = {
    "start": "START", "unstop": "UNSTOP", "yes": "YES", "oui": "OUI", "opt in": "OPT IN", "optin": "OPT IN",
    "subscribe": "SUBSCRIBE", "resume": "RESUME", "abonner": "ABONNER", "reabonner": "RÉABONNER",
    "commencer": "COMMENCER", "reprendre": "REPRENDRE",
}  # fmt: skip
_HELP = {"help": "HELP", "aide": "AIDE", "info": "INFO", "infos": "INFO"}

# Parts of words that tell of stopping wherever they stand.
_SPEAKS_OF_STOPPING = re.compile(
    r"\b(?:un)?stop|unsub|cancel|\bquit(?:s|ting)?\b|revo[kq]|\bopt(?:ed|ing)?[ -]?out|remove|delete|\bspam"
    r"|\barret|desabonn|desinscri|annul|\bcess(?:er|ez)|revoqu|retir(?:e|er|ez)\b|enlev|supprim|effac"
    r"|\bno more\b|not? (?:longer|interested)\b"
    r"|\b(?:do not|don ?t|dont|never) (?:\w+ ){0,2}(?:text|contact|send|messag|call|writ)"
    r"|leave me alone|\bplus (?:de|d|jamais|aucun)\b|\bne (?:\w+ ){1,4}plus\b|fichez|foutez|laissez moi|\bpas interesse"
)  # fmt: skip
# Words that tell of stopping in a message of a few words.
_IN_A_FEW_WORDS = frozenset({"end", "ends", "fin", "finish", "finir", "off", "out", "no", "non", "never", "jamais"})
_NEARLY = ("stop", "stopall", "unsubscribe", "cancel", "optout", "arret", "desabonner")
_SIGNS = frozenset("🛑⛔🚫")


def read_text(text: str) -> Read:
    """What a text message means."""
    words = words_of(text)
    said = " ".join(words)
    for known, meaning in ((_STOP, Meaning.STOP), (_START, Meaning.START), (_HELP, Meaning.HELP)):
        if keyword := _says_nothing_but(known, words):
            return Read(meaning, keyword)
    if _may_mean_stop(text, words, said):
        return Read(Meaning.MAYBE_STOP)
    return Read(Meaning.NOTHING)


def words_of(text: str) -> list[str]:
    """The words of a text, in small letters without accents; marks and emoji part them and are lost.

    Letters that stand apart (``S T O P``) are one word.
    """
    plain = unicodedata.normalize("NFKD", text)
    plain = "".join(character for character in plain if unicodedata.category(character) not in ("Mn", "Me", "Cf"))
    words = re.findall(r"[^\W_]+", plain.casefold())
    if len(words) > 1 and all(len(word) == 1 for word in words[:LONGEST_WORDS]):
        return ["".join(words)]
    return words


def _says_nothing_but(known: dict[str, str], words: list[str]) -> str:
    """The first keyword of a text that is made of keywords alone ("STOP STOP", "stop all"); empty for others."""
    if not words or len(words) > LONGEST_WORDS:
        return ""
    found, place = [], 0
    while place < len(words):
        pair = " ".join(words[place : place + 2])
        if len(words) > place + 1 and pair in known:
            found.append(known[pair])
            place += 2
        elif words[place] in known:
            found.append(known[words[place]])
            place += 1
        else:
            return ""
    return found[0]


def _may_mean_stop(text: str, words: list[str], said: str) -> bool:
    if _SPEAKS_OF_STOPPING.search(said):
        return True
    if len(words) <= _FEW_WORDS and (_IN_A_FEW_WORDS & set(words) or _SIGNS & set(text)):
        return True
    return len(words) == 1 and bool(difflib.get_close_matches(words[0][:40], _NEARLY, n=1, cutoff=0.75))
