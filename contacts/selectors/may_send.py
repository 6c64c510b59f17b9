"""May something be sent to these addresses: one answer for each of thousands, in a fixed number of queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from contacts.addresses import fingerprints_under_all_keys, is_plain_email, normalise
from contacts.eligibility import Question, Source, conditions_for, rows_with_verdicts
from contacts.errors import InvalidAddress
from contacts.models import Block, ChannelStatus, Project
from contacts.vocabulary import Channel

INVALID, UNKNOWN = "invalid_address", "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """``known`` where a contact of the project has the address; ``reasons`` are the keys of the conditions that are not
    met (of an address that nobody has those that blocks on it break), empty where something may be sent."""

    known: bool
    sendable: bool
    reasons: tuple[str, ...]


_NOT_AN_ADDRESS = Answer(known=False, sendable=False, reasons=(INVALID,))


def may_send(project: Project, question: Question, texts: Iterable[str]) -> dict[str, Answer]:
    """The answer for each of the texts, which are addresses on the question's channel as somebody wrote them.

    Of several contacts with one address any may be sent to; where none may, it is told what the one lacks who lacks
    least. The question is about the present. Two queries, however many addresses.
    """
    keys = _keys(project, question.channel, texts)
    wanted = list(dict.fromkeys(key for key in keys.values() if key))
    known = _of_contacts(project, question, wanted)
    others = _of_blocks(project, question, [key for key in wanted if key not in known])
    answers = known | others
    return {text: answers[key] if key else _NOT_AN_ADDRESS for text, key in keys.items()}


def _keys(project: Project, channel: str, texts: Iterable[str]) -> dict[str, str]:
    """The normal form of each text; empty for one that is not an address."""
    country, is_email = project.default_country, channel == Channel.EMAIL
    found = dict.fromkeys(texts, "")
    for text in found:
        if is_email and is_plain_email(text):  # most are
            found[text] = text
            continue
        with suppress(InvalidAddress):
            found[text] = normalise(channel, text, country=country).key
    return found


def _of_contacts(project: Project, question: Question, keys: Sequence[str]) -> dict[str, Answer]:
    asked = [condition.key for condition in conditions_for(question)]
    rows: Any = ChannelStatus.objects.filter(project=project, channel=question.channel, address_key__in_texts=keys)
    met = rows_with_verdicts(rows, question, Source.CHANNEL).order_by()
    answers: dict[tuple[Any, ...], Answer] = {}
    found: dict[str, Answer] = {}
    for key, *outcomes in met.values_list("address_key", *(f"met_{name}" for name in asked)):
        told = tuple(outcomes)
        answer = answers.get(told)
        if answer is None:
            reasons = tuple(name for name, is_met in zip(asked, told, strict=True) if not is_met)
            answer = answers[told] = Answer(known=True, sendable=not reasons, reasons=reasons)
        before = found.get(key)
        if before is None or _lacks(answer) < _lacks(before):
            found[key] = answer
    return found


def _lacks(answer: Answer) -> tuple[int, tuple[str, ...]]:
    return len(answer.reasons), answer.reasons


def _of_blocks(project: Project, question: Question, keys: Sequence[str]) -> dict[str, Answer]:
    """What is to be said of addresses that nobody has."""
    asked = [condition.key for condition in conditions_for(question)]
    found: dict[str, set[str]] = {}
    marks = fingerprints_under_all_keys(question.channel, keys)
    blocks: Any = Block.objects.reaching(project).on().filter(channel=question.channel, fingerprint__in_texts=marks)
    met = rows_with_verdicts(blocks, question, Source.BLOCK)
    for mark, *outcomes in met.values_list("fingerprint", *(f"met_{name}" for name in asked)):
        broken = (name for name, is_met in zip(asked, outcomes, strict=True) if not is_met)
        found.setdefault(marks[mark], set()).update(broken)
    nothing = Answer(known=False, sendable=False, reasons=(UNKNOWN,))
    return {
        key: Answer(False, False, (UNKNOWN, *(name for name in asked if name in found[key])))
        if key in found
        else nothing
        for key in keys
    }
