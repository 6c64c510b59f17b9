"""Where other apps add to the register: what they hold of a contact, conditions for sending, chores.

``contacts`` never imports the apps that stand on it; they register themselves in ``AppConfig.ready``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.utils.functional import Promise

if TYPE_CHECKING:
    from contacts.access import Access
    from contacts.demo.stories import Telling
    from contacts.eligibility import Question, Source
    from contacts.models import Contact, Project, StatusHistory
    from contacts.origin import Origin
    from contacts.selectors.channel_rows import ChannelRow
    from contacts.services.change import Change
    from contacts.services.verify import Difference

Text = str | Promise


class Named(Protocol):
    @property
    def key(self) -> str: ...

    @property
    def order(self) -> int: ...


Item = TypeVar("Item", bound=Named)


class Registry(Generic[Item]):
    """Items by key, in their order. Adding a key twice is a mistake and raises ValueError."""

    def __init__(self) -> None:
        self._items: dict[str, Item] = {}

    def add(self, item: Item) -> Item:
        if item.key in self._items:
            raise ValueError(f"“{item.key}” is registered already.")
        self._items[item.key] = item
        return item

    def remove(self, key: str) -> None:
        del self._items[key]

    def __iter__(self) -> Iterator[Item]:
        return iter(sorted(self._items.values(), key=lambda item: item.order))


@dataclass(frozen=True, slots=True)
class Count:
    """How much of one kind is held: a number, and since when (None where time means nothing)."""

    number: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """One kind of thing held of contacts: counted for the confirmation, and erased with them.

    All take contact ids. ``count`` returns what is held of each of them (who has nothing may be left out);
    ``erase`` runs inside the erasure's transaction, after the contacts' rows are gone, and returns how many
    it erased; ``erase_first`` runs before, for what is found by a contact's key or addresses; ``said_no`` returns
    those of the ids who ever said no here, with the weight of their heaviest.
    ``merge`` makes what one contact has another one's, inside the transaction of a merge: ids of who goes and who
    stays, and where the merge comes from. Without it, what they have stays with them.
    """

    key: str
    label: Text
    order: int
    count: Callable[[Iterable[int]], Mapping[int, Count]]
    erase: Callable[[Iterable[int]], int]
    said_no: Callable[[Iterable[int]], Mapping[int, int]] = field(default=lambda ids: {})
    merge: Callable[[int, int, Origin], None] | None = None
    erase_first: Callable[[Iterable[int]], object] = field(default=lambda ids: None)


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition for sending, over named states (``state_…``), never over columns.

    ``met`` and ``failing`` are the labels for either outcome, ``word`` the short form of failing for lists;
    each may be a function of the channel. ``applies`` says for which questions it is asked.
    """

    key: str
    order: int
    met: Text | Callable[[str], Text]
    failing: Text | Callable[[str], Text]
    word: Text | Callable[[str], Text]
    help: Text
    expression: Q
    applies: Callable[[Question], bool] = field(default=lambda question: True)


@dataclass(frozen=True, slots=True)
class States:
    """Named states that conditions are written over: a question and a source of rows in, annotations out."""

    key: str
    order: int
    annotations: Callable[[Question, Source], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Chore:
    """Something that the workers do every so often, one of them at a time. It takes the moment.

    It must bear being done twice at once, and being cut off at any point: it runs again.
    """

    key: str
    order: int
    every: timedelta
    do: Callable[[datetime], object]


@dataclass(frozen=True, slots=True)
class Check:
    """What another app's state must follow from, for ``manage.py verify``: it yields what differs."""

    key: str
    order: int
    differences: Callable[[], Iterator[Difference]]


@dataclass(frozen=True, slots=True)
class Undoing:
    """What another app wrote for an import, to be voided with it.

    ``entries`` gives the numbers of its entries of the import with this request id that are not voided yet; ``undo``
    voids some of them, written down within a period, and says what became of them.
    """

    key: str
    order: int
    entries: Callable[[UUID], list[int]]
    undo: Callable[[Sequence[int], Origin, timedelta], Change]


@dataclass(frozen=True, slots=True)
class ProfileTab:
    """A tab of the profile: how much is in it (for the tab's label), its template and what that needs.

    ``count`` None leaves the tab out. ``content`` takes the contact, what the user may do and what the address of the
    page (``?tab=`` and the key) asks for; it may raise BadCursor.
    """

    key: str
    label: Text
    order: int
    count: Callable[[Contact], int | None]
    template: str
    content: Callable[[Contact, Access, Mapping[str, str]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ProfileSection:
    """A section of the profile, between the channels and the tabs.

    ``content`` takes the contact, what the user may do and the channels as the profile shows them; None leaves it out.
    """

    key: str
    order: int
    template: str
    content: Callable[[Contact, Access, Sequence[ChannelRow]], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class ImportColumn:
    """Something that a column of an imported file may be taken for, and how files call it.

    ``names`` are as ``contacts.column_names.plain`` makes them. Its target is ``GROUP:KEY``.
    """

    key: str
    label: Text
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ImportColumns:
    """What columns of an imported file may be taken for beside what the register itself knows, in a project.

    ``read`` takes what one row says in these columns, by their keys, with the project's time zone and whether the day
    comes first in dates, and returns what is kept of it; it raises RegisterError, in words, for a row that has to be
    rejected. ``noes`` takes the same and returns what of it takes something away: that counts also of a row that is
    rejected for another cell, or left as it is since the list only adds. ``put`` takes what rows said, inside the
    transaction of their chunk, and returns the lines of those that changed something.
    """

    key: str
    label: Text
    order: int
    columns: Callable[[Project], Sequence[ImportColumn]]
    read: Callable[[Mapping[str, str], ZoneInfo, bool], Mapping[str, str]]
    put: Callable[[Sequence[ImportedCells], Origin], Collection[int]]
    noes: Callable[[Mapping[str, str], ZoneInfo, bool], Mapping[str, str]] = lambda _cells, _zone, _day_first: {}


@dataclass(frozen=True, slots=True)
class ImportedCells:
    """What a row of a file says of its contact in the columns of a group, as it was read, by their keys."""

    line: int
    contact: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Demonstration:
    """What another app adds to the demo.

    ``prepare`` takes the project and the end of its history, each time that the demo is made or brought up to date;
    ``tell`` takes new contacts of any of the demo's projects by their numbers, inside the transaction that loads them.
    """

    key: str
    order: int
    prepare: Callable[[Project, datetime], object]
    tell: Callable[[Project, Mapping[int, Telling]], object]


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """Where what another app names in the evidence of an entry can be looked at.

    ``key`` is its name in the evidence. ``url`` takes what the user may do and the value, and returns an address, or
    nothing for who may not look, or where there is nothing of this value. ``behind`` finds the number for an entry
    whose evidence names none, for example because it was erased; it is asked of entries of these ``methods``.
    """

    key: str
    label: Text
    order: int
    url: Callable[[Access, object], str]
    methods: tuple[str, ...]
    behind: Callable[[StatusHistory], int | None]


holdings: Registry[Holding] = Registry()
conditions: Registry[Condition] = Registry()
states: Registry[States] = Registry()
chores: Registry[Chore] = Registry()
checks: Registry[Check] = Registry()
undoings: Registry[Undoing] = Registry()
profile_tabs: Registry[ProfileTab] = Registry()
profile_sections: Registry[ProfileSection] = Registry()
import_columns: Registry[ImportColumns] = Registry()
demonstrations: Registry[Demonstration] = Registry()
evidence_links: Registry[EvidenceLink] = Registry()
