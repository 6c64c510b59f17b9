"""Which column of a list is what: guessed by its name, chosen by the user, checked before it is used.

What a column is, is a target, a text: ``key``, an address (``email``, ``sms``, ``push``), a detail (``first_name``,
…), ``attribute`` (kept under the column's name) or ``attribute:NAME``, ``skip``, ``opt_out:CHANNEL`` (a yes or a
word is a no), ``opt_out_on:CHANNEL`` (when it was said), ``relational:TABLE:COLUMN``, ``ours:…`` (of our own
exports), ``left`` and ``status`` (signs that somebody left), or ``GROUP:KEY`` of a column of another app.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _

from contacts.column_names import (
    FALSE_WORDS,
    LEFT_BY_RECEIVERS,
    LEFT_BY_THEIR_NO,
    LEFT_FILES_BY_RECEIVERS,
    LEFT_FILES_BY_THEIR_NO,
    LEFT_WORDS,
    NAMES,
    OF_OUR_EXPORTS,
    OPT_OUT,
    OPT_OUT_ON,
    TRUE_WORDS,
    WORD_COLUMNS,
    WORDS_OF_RECEIVERS,
    is_known,
    plain,
)
from contacts.csv_guard import unguarded
from contacts.extension_points import import_columns
from contacts.models.imports import ImportKind
from contacts.tables import MAX_NAME, UnreadableFile, clean_name, holds_address
from contacts.vocabulary import Channel
from contacts.written_moments import parse_moment

if TYPE_CHECKING:
    from contacts.models import Project, RelationalTable

__all__ = (
    "FALSE_WORDS", "LEFT_WORDS", "OF_OUR_EXPORTS", "TRUE_WORDS", "Suspicion", "check_targets",
    "guess_targets", "header_digest", "is_known", "parse_moment", "plain", "suspicion",
)  # fmt: skip

CHANNELS = tuple(Channel.values)
SINGLE = (*NAMES,)
PLAIN_TARGETS = (*SINGLE, "attribute", "skip", "left", "status")
OUT_TARGETS = tuple(f"{what}:{channel}" for what in ("opt_out", "opt_out_on") for channel in (*CHANNELS, "all"))
OURS_TARGETS = tuple(f"ours:{what}" for what in ("status", *CHANNELS))
_OURS = f"{plain(OF_OUR_EXPORTS)} "


class UnfitColumns(UnreadableFile):
    """The columns cannot be taken as they were chosen."""

    code = "unfit_columns"
    field = "targets"


def guess_targets(
    names: Sequence[str],
    *,
    key: str = "",
    tables: Sequence[RelationalTable] = (),
    registered: Mapping[str, str] | None = None,
    remembered: Sequence[str] | None = None,
    rows: Sequence[Sequence[str]] = (),
) -> list[str]:
    """What each column probably is.

    ``key`` names the column of the key; without it that is a column known as one, else the email address.
    ``registered`` are the targets of other apps in the project, by how files call them.
    ``remembered`` is what was chosen for such a file the last time. Some ``rows`` help where names say nothing: the
    email addresses of a file without a header, and a key column in which nothing stands.
    Raises UnreadableFile where there is no column ``key``.
    """
    relational = {**_relational(tables), **(registered or {})}
    targets = _guessed(names, relational, rows)
    if remembered is not None and len(remembered) == len(names):
        known = {*PLAIN_TARGETS, *OUT_TARGETS, *OURS_TARGETS, *relational.values()}
        pairs = zip(remembered, targets, strict=True)
        targets = [
            last if last in known or last.startswith("attribute:") or is_registered(last) else guess
            for last, guess in pairs
        ]
    if key:
        place = _named_place(names, key)
        targets = ["attribute" if target == "key" else target for target in targets]
        if targets[place] != "email":
            targets[place] = "key"
    return targets


def check_targets(names: Sequence[str], targets: Sequence[str], *, kind: str = "") -> None:
    """Raises UnfitColumns (an UnreadableFile) for targets that cannot be: of a column too many, unknown, two columns
    for one thing, or nothing that tells who a row is about (``kind``: of contacts an address by SMS is not enough)."""
    if len(targets) != len(names):
        raise UnfitColumns(_("Say of each column what it is, once."))
    taken: dict[str, str] = {}
    for name, target in zip(names, targets, strict=True):
        _check_target(name, target)
        what = f"attribute:{name}" if target == "attribute" else target
        if what in SINGLE or what.startswith(("attribute:", "relational:")) or is_registered(what):
            if what in taken:
                raise UnfitColumns(
                    _("The columns “%(one)s” and “%(two)s” are taken for the same.")
                    % {"one": taken[what], "two": name},
                    remedy=_("Choose something else for one of them, or leave it out."),
                )
            taken[what] = name
    enough = {"key", "email"} if kind == ImportKind.CONTACTS else {"key", *CHANNELS}
    if not enough & set(targets):
        raise UnfitColumns(
            _("No column is the key, and none holds email addresses."),
            remedy=_("Say which column tells who a row is about. The file has: %(names)s.")
            % {"names": ", ".join(names[:30])},
        )


def header_digest(names: Sequence[str]) -> str:
    """By what a file with these columns is known again: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps([plain(name) for name in names]).encode()).hexdigest()


def _guessed(names: Sequence[str], relational: dict[str, str], rows: Sequence[Sequence[str]]) -> list[str]:
    compared = [plain(name) for name in names]
    targets: dict[int, str] = {place: what for what, place in _places(compared).items()}
    if rows and "key" in targets.values() and "email" in targets.values():
        place = next(place for place, what in targets.items() if what == "key")
        if not any(row[place].strip() for row in rows):  # Brevo writes an EXT_ID in which nothing stands
            targets[place] = "attribute"
    channels = [channel for channel in CHANNELS if channel in targets.values()]
    everything = "all" if len(channels) > 1 else "".join(channels) or "all"
    for place, name in enumerate(compared):
        if place not in targets and (target := _other_target(name, everything, relational)):
            targets[place] = target
    if rows and not {"key", "email"} & set(targets.values()):
        for place in range(len(names)):
            if place not in targets and sum(holds_address(row[place : place + 1]) for row in rows) * 2 > len(rows):
                targets[place] = "email"
                break
    return [targets.get(place, "attribute") for place in range(len(names))]


def _places(compared: Sequence[str]) -> dict[str, int]:
    """Where the key, the addresses and the details stand, by the names that are known."""
    by_name: dict[str, int] = {}
    for place, name in enumerate(compared):
        by_name.setdefault(name, place)
    places: dict[str, int] = {}
    for what, known in NAMES.items():
        found = next((by_name[name] for name in known if name in by_name), None)
        if found is not None:
            places[what] = found
    if "last_name" in places:
        places.pop("full_name", None)
        if "first_name" not in places and compared[places["last_name"]] == "nom":
            places["full_name"] = places.pop("last_name")
    return places


def _other_target(name: str, everything: str, relational: dict[str, str]) -> str:
    """What a column is that holds no key, address or detail; an empty text where nothing is known of it."""
    if name.startswith(_OURS):
        ours = f"ours:{name.removeprefix(_OURS)}"
        return ours if ours in OURS_TARGETS else "skip"
    for channel, known in OPT_OUT.items():
        if name in known:
            return f"opt_out:{channel or everything}"
    for channel, known in OPT_OUT_ON.items():
        if name in known:
            return f"opt_out_on:{channel}"
    if name in relational:
        return relational[name]
    if name in LEFT_BY_THEIR_NO | LEFT_BY_RECEIVERS:
        return "left"
    return "status" if name in WORD_COLUMNS else ""


def _relational(tables: Sequence[RelationalTable]) -> dict[str, str]:
    """The columns of the project's own tables, by how a file would call them."""
    found: dict[str, str] = {}
    for table in tables:
        for column in table.columns:
            target = f"relational:{table.slug}:{column['key']}"
            for name in (f"{table.name} {column['label']}", f"{table.slug} {column['key']}"):
                found.setdefault(plain(name), target)
    return found


def registered_targets(project: Project) -> dict[str, str]:
    """The targets of other apps in a project, by how files call them."""
    found: dict[str, str] = {}
    for group in import_columns:
        for column in group.columns(project):
            for name in column.names:
                found.setdefault(name, f"{group.key}:{column.key}")
    return found


def is_registered(target: str) -> bool:
    """Whether a target is one of another app's."""
    kind, colon, rest = target.partition(":")
    return bool(colon and rest) and len(rest) <= 2 * MAX_NAME and any(group.key == kind for group in import_columns)


def _named_place(names: Sequence[str], name: str) -> int:
    exact = [place for place, found in enumerate(names) if found == name]
    places = exact or [place for place, found in enumerate(names) if plain(found) == plain(name)]
    if not places:
        raise UnreadableFile(_("There is no column “%(name)s”.") % {"name": name}, remedy=_the_columns(names))
    return places[0]


def _check_target(name: str, target: str) -> None:
    kind, colon, rest = target.partition(":")
    if target in PLAIN_TARGETS or target in OUT_TARGETS or target in OURS_TARGETS or is_registered(target):
        return
    if kind == "relational" and all(part and len(part) <= MAX_NAME for part in (*rest.partition(":")[::2],)):
        return
    if kind == "attribute" and colon and rest == clean_name(rest) and 0 < len(rest) <= MAX_NAME:
        return
    if kind == "attribute":
        raise UnfitColumns(
            _("The column “%(name)s” cannot be kept under this name.") % {"name": name},
            remedy=_("Give it a name of one line and at most %(count)d characters.") % {"count": MAX_NAME},
        )
    raise UnfitColumns(_("It is not known what the column “%(name)s” is taken for.") % {"name": name})


@dataclass(frozen=True, slots=True)
class Suspicion:
    """The file looks like another tool's list of people who left: what its rows rather are, in words, and by which
    columns it is told (none: by the file's name)."""

    kind: ImportKind
    words: str
    columns: list[str]


def suspicion(
    names: Sequence[str], targets: Sequence[str], rows: Iterable[Sequence[str]], *, file_name: str = ""
) -> Suspicion | None:
    """Whether a file that is to be imported as contacts is a list of people who are not to be written to.

    One row is enough in a column that other lists do not have; where the columns say it row by row (opt-outs, a
    status), half of the rows. ``rows`` are those of the file, or the first of them.
    """
    signs = [_sign(plain(name), target) for name, target in zip(names, targets, strict=True)]
    by_row = [(place, sign) for place, sign in enumerate(signs) if sign]
    has_dates = any(target.startswith("opt_out") for target in targets)
    counted: dict[int, int] = {}
    number = said = refused = 0
    for cells in rows if by_row else ():
        number += 1
        saying = [(place, sign) for place, sign in by_row if _says(sign, plain(unguarded(cells[place])))]
        for place, _sign_of in saying:
            counted[place] = counted.get(place, 0) + 1
        said += bool(saying)
        refused += any(_is_of_receivers(sign, plain(unguarded(cells[place]))) for place, sign in saying)
    alone = [place for place in counted if targets[place] == "left" and (signs[place] == "receivers" or not has_dates)]
    if said and (alone or said * 2 >= number):
        kind = ImportKind.SUPPRESSIONS if refused * 2 > said else ImportKind.OPT_OUTS
        columns = [names[place] for place in sorted(alone or counted)]
        return Suspicion(kind, _suspicion_in_words(kind, columns), columns)
    return _suspicious_name(file_name)


def _sign(name: str, target: str) -> str:
    if target.startswith("opt_out_on:"):
        return "dated"
    if target.startswith("opt_out:"):
        return "yes or no"
    if target == "left" or (target != "status" and name in LEFT_BY_THEIR_NO | LEFT_BY_RECEIVERS):
        return "no" if name in LEFT_BY_THEIR_NO else "receivers"
    return "word" if target == "status" or name in WORD_COLUMNS else ""


def _says(sign: str, word: str) -> bool:
    if sign == "word":
        return word in LEFT_WORDS
    if sign == "yes or no":
        return word in LEFT_WORDS or word in TRUE_WORDS
    return word not in FALSE_WORDS


def _is_of_receivers(sign: str, word: str) -> bool:
    return sign == "receivers" or (sign in ("word", "yes or no") and word in WORDS_OF_RECEIVERS)


def _suspicious_name(file_name: str) -> Suspicion | None:
    name = plain(file_name)
    for kind, pieces in (
        (ImportKind.OPT_OUTS, LEFT_FILES_BY_THEIR_NO),
        (ImportKind.SUPPRESSIONS, LEFT_FILES_BY_RECEIVERS),
    ):
        if any(piece in name for piece in pieces):
            return Suspicion(kind, _suspicion_in_words(kind, []), [])
    return None


def _suspicion_in_words(kind: ImportKind, columns: list[str]) -> str:
    signs = ", ".join(columns[:5]) or _("the name of the file")
    if kind == ImportKind.OPT_OUTS:
        words = _("This looks like a list of people who unsubscribed (%(signs)s).")
    else:
        words = _("This looks like a list of addresses that bounced, complained or were blocked (%(signs)s).")
    return words % {"signs": signs}


def _the_columns(names: Sequence[str]) -> str:
    return _("Name the column of the key. The file has: %(names)s.") % {"names": ", ".join(names[:30])}
