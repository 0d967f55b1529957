"""A sealed record opens only if it is unchanged, byte for byte."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from exquisite.errors import SessionDamagedError
from exquisite.pipeline.store.records import FORMAT_VERSION, pretty, read_file, read_record, seal, sha256, unseal
from exquisite.pipeline.verify.repair import restored_record

RECORD: dict[str, Any] = {
    "format": FORMAT_VERSION, "words": "ink, “quotes” and ümlauts", "size": [3, 4], "none": None, "usd": "0.10",
}  # fmt: skip
PATH = Path("record.json")


def test_a_record_opens_as_it_was_sealed() -> None:
    """Sealing adds a last key, which opening takes away."""
    assert list(json.loads(seal(RECORD)))[-1] == "sha256"
    assert unseal(seal(RECORD), PATH) == RECORD


def test_the_seal_is_the_hash_of_the_record_without_it() -> None:
    """Anybody can check a seal with an editor and SHA-256."""
    assert json.loads(seal(RECORD))["sha256"] == sha256(pretty(RECORD))


def test_any_changed_bit_is_detected() -> None:
    """Every single bit of a record, flipped."""
    data = seal(RECORD)
    for bit in range(8 * len(data)):
        altered = bytearray(data)
        altered[bit >> 3] ^= 1 << (bit & 7)
        with pytest.raises(SessionDamagedError):
            unseal(bytes(altered), PATH)


def test_any_truncation_or_addition_is_detected() -> None:
    """Also a newline too much, and nothing at all."""
    data = seal(RECORD)
    for altered in [*(data[:end] for end in range(len(data))), data + b"\n", b" " + data, data + data]:
        with pytest.raises(SessionDamagedError):
            unseal(altered, PATH)


def test_a_single_flipped_bit_is_corrected() -> None:
    """The seal says which bit it was: in the content, or in the seal itself."""
    data = seal(RECORD)
    chance = random.Random(1)
    for bit in chance.sample(range(8 * len(data)), 60):
        altered = bytearray(data)
        altered[bit >> 3] ^= 1 << (bit & 7)
        assert restored_record(bytes(altered), None) in (data, None)
        assert restored_record(bytes(altered), sha256(data)) in (data, None)
    repairs = [
        restored_record(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :], None) == data for at in range(len(data))
    ]
    assert sum(repairs) > 0.8 * len(repairs)
    assert restored_record(seal({**RECORD, "words": "edited"}), sha256(data)) is None


@pytest.mark.parametrize(
    "data",
    [b"", b"null", b"[]", b"3", b'"text"', b"{}", b'{"sha256": 3}', b"\xff\xfe", b"[" * 100_000, b'{"a":' * 3_000,
     pretty({"a": 1}), b'{"format": 1, "sha256": "' + b"0" * 64 + b'"}\n', b"9" * 10_000],
    ids=repr,
)  # fmt: skip
def test_other_json_and_other_text_are_refused(data: bytes) -> None:
    """JSON of other shapes, nesting without end, no JSON."""
    with pytest.raises(SessionDamagedError, match=r"record\.json"):
        unseal(data, PATH)


def test_a_newer_format_is_named() -> None:
    """The message names the format and no damage."""
    with pytest.raises(SessionDamagedError, match="use a newer exquisite"):
        unseal(seal({**RECORD, "format": FORMAT_VERSION + 1}), PATH)


def test_numbers_that_json_lacks_are_not_written() -> None:
    """Other readers of JSON refuse NaN."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        seal({"score": float("nan")})


def test_a_missing_file_is_a_damage(tmp_path: Path) -> None:
    """The message names the path."""
    for read in (read_file, read_record):
        with pytest.raises(SessionDamagedError, match="missing"):
            read(tmp_path / "missing")
