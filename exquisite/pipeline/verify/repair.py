"""Reconstructs damaged files of a session from the rest of the session; writes nothing.

A reconstructed file is used only if its hash is the recorded one. A file whose hash is not recorded (session.json,
HEAD, ledger.json, pending) is used only if intact records determine all of its content.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path

from ..._version import __version__
from ...errors import SessionDamagedError
from ..journal.call_files import call_numbers
from ..journal.calls import read_call
from ..journal.ledger import call_key
from ..journal.requests import request_digest
from ..journal.settlement import read_settlement, settlement_path
from ..store.records import END, FORMAT_VERSION, SEAL, Record, seal, sha256, unseal
from ..store.step_folders import step_name

__all__ = [
    "lost_head",
    "rebuilt_ledger",
    "rebuilt_request",
    "rebuilt_seed",
    "rebuilt_session",
    "restored_record",
]

_CUT_MAX = 52  # bytes that may be missing at the end: 16 digits of the hash remain for comparison
_FLIPS_MAX = 1 << 15  # bytes; each tried bit costs one hash of the file


def restored_record(data: bytes, expected: str | None) -> bytes | None:
    """Restore a sealed record with one flipped bit, or with a missing or altered end; None if that fails.

    Args:
        data: the damaged file.
        expected: the hash of the file, if another record holds it. Without it the seal inside must agree.
    """
    for candidate in _candidates(data):
        if expected is None or sha256(candidate) == expected:
            try:
                unseal(candidate, Path())
            except SessionDamagedError:
                continue
            return candidate
    return None


def _candidates(data: bytes) -> Iterator[bytes]:
    """Sealed records from which a flipped bit or an altered seal may have made `data`."""
    tail = SEAL.search(data)
    if tail is not None and len(data) <= _FLIPS_MAX:
        content, seal_hex = data[: tail.start()], tail[1].decode()
        at = _flipped_bit(content, END, seal_hex)
        if at is not None:
            restored = bytearray(content)
            restored[at >> 3] ^= 1 << (at & 7)
            yield bytes(restored) + data[tail.start() :]
    # The seal itself is altered: the right one follows from the content, and may differ by one character.
    end = data.rfind(b',\n  "sha')
    for stop in {end, len(data) - len(',\n  "sha256": ""\n}\n') - 64} if end >= 0 else {len(data) - 84}:
        if stop > 0:
            sealed = _sealed(data[:stop] + END)
            if sealed is not None and _alike(sealed, data):
                yield sealed


def _flipped_bit(content: bytes, after: bytes, expected: str) -> int | None:
    """The number of the bit of `content` whose flip gives content + after the hash `expected`; None without one."""
    changed = bytearray(content + after)
    for at in range(8 * len(content)):
        changed[at >> 3] ^= 1 << (at & 7)
        if hashlib.sha256(changed).hexdigest() == expected:
            return at
        changed[at >> 3] ^= 1 << (at & 7)
    return None


def _sealed(content: bytes) -> bytes | None:
    try:
        record = json.loads(content)
        return seal(record) if isinstance(record, dict) else None
    except (ValueError, RecursionError):
        return None


def _alike(sealed: bytes, data: bytes) -> bool:
    """Whether `data` is `sealed` with at most one byte altered, or its end missing, or something after it."""
    if len(sealed) != len(data):
        return (sealed.startswith(data) and len(sealed) - len(data) <= _CUT_MAX) or data.startswith(sealed)
    return sum(a != b for a, b in zip(sealed, data, strict=True)) <= 1


def lost_head(data: bytes, steps: Mapping[int, str]) -> tuple[int, str] | None:
    """The step that a damaged head pointed at, and the evidence for it; None without evidence.

    Args:
        data: the rest of the head.
        steps: the hash of the record of each committed step.
    """
    hashes = re.findall(rb"[0-9a-f]{16,64}", data)
    for number, digest in steps.items():
        if any(digest.encode().find(part) >= 0 for part in hashes):
            return number, "its hash names the step"
    match = re.match(rb"(\d{6,}) ", data)
    if match and int(match[1]) in steps:
        return int(match[1]), "its number names the step"
    return None


def rebuilt_session(seed: Record, modes: list[str], branches: list[str]) -> bytes:
    """session.json, from the record of the seed picture, the modes of committed steps, and the names in heads/."""
    session = {
        "format": FORMAT_VERSION,
        "package_version": __version__,
        "contract": seed["contract"],
        "axis": modes[0][0] if modes else None,
        "branches": branches,
        "seed": seed,
    }
    return seal(session)


def rebuilt_seed(session: bytes | None) -> bytes | None:
    """step.json of the seed picture, from its copy in session.json."""
    try:
        return seal(unseal(session or b"", Path())["seed"])
    except (SessionDamagedError, KeyError, TypeError, AttributeError):
        return None


def rebuilt_request(record: Record) -> bytes | None:
    """request.json of a step, from the step's own record; None when the record has no request."""
    request = record.get("request")
    if not isinstance(request, dict):
        return None
    plan = {"plan": record["plan"]} if "plan" in record else {}
    return seal({**request, "options": record["options"], **plan, "digest": request_digest(request)})


def rebuilt_ledger(root: Path, numbers: list[int]) -> tuple[bytes, int]:
    """ledger.json, from the calls of all steps, and the number of calls with a reservation."""
    spent, estimated, paid = Decimal(0), Decimal(0), 0
    doubtful: dict[str, str] = {}
    for number in numbers:
        folder = root / "steps" / step_name(number) / "answers"
        for call in (read_call(folder, at) for at in call_numbers(folder)):
            paid += call.reserved > 0
            if call.status in ("refused", "not_sent"):
                continue
            settlement = settlement_path(root, number, call.number)
            if settlement.is_file():
                spent += Decimal(read_settlement(settlement).usd)
            elif call.body is not None and call.bill.usd is not None:
                spent += call.bill.usd
                estimated += call.bill.usd if call.bill.estimated else 0
            elif call.reserved > 0:
                doubtful[call_key(number, call.number)] = str(call.reserved)
    ledger: Record = {"format": FORMAT_VERSION, "spent_usd": str(spent), "reserved": {}, "doubtful": doubtful}
    return seal({**ledger, **({"estimated_usd": str(estimated)} if estimated else {})}), paid
