"""What text messages mean: the known words in whatever dress, and everything else that speaks of stopping."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consent.incoming.texts import Meaning, read_text

STOPS = [
    "STOP", "stop", "Stop.", "STOP!", "« Stop »", "  stop\n", "STOPALL", "stop all", "UNSUBSCRIBE", "End", "cancel",
    "QUIT", "revoke", "OPT OUT", "opt-out", "OPTOUT", "Opt_Out", "ARRÊT", "arrêt", "ARRET", "Arre\u0302t", "DÉSABONNER",
    "desabonner", "Désabonnez-moi", "S.T.O.P.", "S T O P", "ST\u200bOP", "ＳＴＯＰ", "STOP 🛑", "🙏 stop 🙏",
    "stop stop",
    "STOP\x00", "stop\ud800", "\ufeffSTOP", "UNSUBSCRİBE",
]  # fmt: skip
STARTS = ["START", "start!", "UNSTOP", "Yes", "OUI", "opt in", "Réabonner"]
HELPS = ["HELP", "help?", "Aide", "INFO", "aide !"]
PERHAPS = [
    "please stop", "Stop please", "stop it", "s'il vous plaît arrêtez", "Please stop sending me your newsletters",
    "unsubscribe me", "The bus stop is far from the museum, is there parking?", "remove me from your list",
    "don't text me", "do not contact me again", "no more messages", "ne m'envoyez plus de textos",
    "merci de m'enlever de la liste", "Je veux me désinscrire de vos envois", "STOP HELP", "stop, yes", "NO",
    "non merci", "fin", "the end", "stpo", "stp", "unsubscribed", "🛑", "leave me alone", "plus de messages svp",
    "cancel my order",
]  # fmt: skip
NOTHINGS = [
    "", " ", "?", "👍", "Merci beaucoup !", "What time do you open on Sunday?", "See you at the weekend",
    "We will come at the end of the week with the children", "Quelle belle exposition", "12345", "ok",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "meaning"),
    [(text, meaning) for texts, meaning in (
        (STOPS, Meaning.STOP), (STARTS, Meaning.START), (HELPS, Meaning.HELP), (PERHAPS, Meaning.MAYBE_STOP),
        (NOTHINGS, Meaning.NOTHING),
    ) for text in texts],
)  # fmt: skip
def test_meaning(text: str, meaning: Meaning) -> None:
    assert read_text(text).meaning == meaning


def test_keyword_is_the_word_that_was_known() -> None:
    assert [read_text(text).keyword for text in ("opt-out", "arret", "please stop", "aide")] == [
        "OPT OUT", "ARRÊT", "", "AIDE",
    ]  # fmt: skip


@given(st.text(), st.sampled_from(["stop", "unsubscribe", "arrêt"]))
def test_a_text_that_holds_the_word_is_never_taken_for_nothing(around: str, word: str) -> None:
    found = read_text(f"{around} {word}").meaning
    assert found in (Meaning.STOP, Meaning.MAYBE_STOP)


def test_long_texts_are_read_quickly() -> None:
    for piece in ("ne ", "do not ", "stop ", "a", "plus", "- "):
        assert read_text(piece * 100_000).meaning in Meaning
