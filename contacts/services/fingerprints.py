"""Fingerprint keys over time: which are in use, whether their secrets are at hand, and going over to a new one."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction

from contacts.addresses import Address, fingerprint, fingerprints, key_check_value, normalise
from contacts.gates import strongest_no
from contacts.models import Block, ChannelStatus, FingerprintKey, StatusHistory
from contacts.origin import THE_SYSTEM, Origin
from contacts.services.ledger import moment_after, record
from contacts.services.projection import fold_blocks
from contacts.vocabulary import OPEN, SHUT, Aspect, Method, Reason, Says


def adopt_older_fingerprints(address: Address) -> None:
    """Bring blocks that were made under an older key under the current one, now that the address is known."""
    adopt_older_fingerprints_of([(address.channel, address.key)])


def adopt_older_fingerprints_of(addresses: Iterable[tuple[str, str]]) -> None:
    """The same for many addresses, given as channel and key."""
    if len(settings.FINGERPRINT_KEYS) < 2:
        return
    older: dict[tuple[str, str], str] = {}
    for channel, key in addresses:
        current, *former = fingerprints(channel, key)
        older.update({(channel, mark): current for mark in former})
    blocks = Block.objects.filter(fingerprint__in={mark for _channel, mark in older}).order_by("pk")
    for block in list(blocks.select_for_update(no_key=True)):
        mark = older.get((block.channel, block.fingerprint))
        if mark is not None:
            _bring_under(mark, block)


def _bring_under(mark: str, block: Block) -> None:
    """Give a block the fingerprint of today. Where one like it is there (of an address that was erased, and whose old
    link was used since), its standing no is said of that one, and it is found no more itself."""
    twin = Block.objects.filter(
        organization=block.organization_id, project=block.project_id, channel=block.channel, fingerprint=mark,
        kind=block.kind, cause=block.cause,
    ).first()  # fmt: skip
    if twin is None:
        Block.objects.filter(pk=block.pk).update(fingerprint=mark)
        return
    words = StatusHistory.objects.filter(block=block).not_voided()
    weight = next(iter(strongest_no(words, gate="block").values_list("strongest", flat=True)), None)
    Block.objects.filter(pk=block.pk).update(fingerprint=f"{block.fingerprint}{_FOUND_NO_MORE}")
    if weight is None:
        return
    moment = moment_after(blocks=[twin.pk])
    aspect = Aspect(block.kind)
    record(
        Block.objects.filter(pk=twin.pk),
        aspect=aspect,
        says=Says.NO,
        origin=Origin(Method.SYSTEM, THE_SYSTEM, Reason.MERGED),
        moment=moment,
        weight=weight,
        from_value=SHUT[aspect] if twin.is_on else OPEN[aspect],
        to_value=SHUT[aspect],
    )
    fold_blocks([twin.pk], moment)


_FOUND_NO_MORE = "-"


def check_keys() -> None:
    """Register the keys of the settings, and refuse to go on when one that is in use is missing or wrong.

    Raises ImproperlyConfigured with what to do.
    """
    known = dict(FingerprintKey.objects.values_list("name", "check_value"))
    for name, check_value in known.items():
        if name not in settings.FINGERPRINT_KEYS:
            raise ImproperlyConfigured(
                f"FINGERPRINT_KEYS: the key “{name}” is in use and missing. Put it back, after the current one."
            )
        if key_check_value(name) != check_value:
            raise ImproperlyConfigured(
                f"FINGERPRINT_KEYS: the secret of “{name}” is not the one that the register was made under. "
                "Put the old secret back."
            )
    current = current_key()
    if known and current not in known:
        raise ImproperlyConfigured(
            f"FINGERPRINT_KEYS: “{current}” is new. Run “manage.py rotate_fingerprint_key” while nothing else runs."
        )
    if not known:
        # Several servers may start together on a fresh database.
        FingerprintKey.objects.get_or_create(name=current, defaults={"check_value": key_check_value(current)})


def current_key() -> str:
    return next(iter(settings.FINGERPRINT_KEYS))


@transaction.atomic
def rotate_key() -> int:
    """Make the first key of the settings the current one: fingerprint every known address anew, of contacts
    and of blocks.

    Blocks whose address was erased stay under their old key until somebody comes to the address, so old
    keys must stay in the settings. Returns the number of rows that changed. Run it while nothing else runs.
    """
    name = current_key()
    FingerprintKey.objects.update_or_create(name=name, defaults={"check_value": key_check_value(name)})
    changed = 0
    older = ChannelStatus.objects.with_address().exclude(fingerprint__startswith=f"{name}:")
    for row in older.iterator(chunk_size=2_000):
        new = fingerprint(row.channel, row.address_key)
        Block.objects.filter(channel=row.channel, fingerprint=row.fingerprint).update(fingerprint=new)
        ChannelStatus.objects.filter(pk=row.pk).update(fingerprint=new)
        changed += 1
    alone = Block.objects.filter(address__isnull=False).exclude(fingerprint__startswith=f"{name}:")
    for channel, text in set(alone.values_list("channel", "address")):
        adopt_older_fingerprints(normalise(channel, text or ""))
    return changed
