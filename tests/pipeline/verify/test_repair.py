"""Repairs restore recorded content, and never accept edits by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from exquisite.pipeline.store.records import seal, sha256, unseal
from exquisite.pipeline.verify import verify_path
from exquisite.pipeline.verify.repair import lost_head, restored_record
from tests.support.tiny import make_session, tree

RECORD = {"format": 1, "axis": "x", "contract": {"tile_px": 1024, "band_px": 512}, "branches": ["night", "day"]}


def by_hand(data: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """A record as an editor saves it: changed, under the seal that it had."""
    record = json.loads(data)
    change(record)
    return (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode()


EDITS: dict[str, Callable[[dict[str, Any]], None]] = {
    "another axis": lambda record: record.update(axis="y"),
    "another size": lambda record: record["contract"].update(tile_px=2048),
    "one digit": lambda record: record["contract"].update(band_px=1),
    "a name less": lambda record: record["branches"].clear(),
    "a key more": lambda record: record.update(note="mine"),
    "a key less": lambda record: record.pop("format"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_by_hand_is_never_sealed_again(name: str) -> None:
    edited = by_hand(seal(RECORD), EDITS[name])
    for data in (edited, edited.rstrip(), edited + b"\n", edited[:-10], edited.replace(b"\n", b"\r\n")):
        mended = restored_record(data, None)
        assert mended is None or unseal(mended, Path()) == RECORD


@pytest.mark.parametrize(("altered", "is_restored"), [(1, True), (2, False)])
def test_repair_corrects_one_altered_character_of_a_seal_and_no_more(altered: int, is_restored: bool) -> None:
    data = seal(RECORD)
    end = data.rindex(b'"')
    other = b"".join(b"1" if data[at : at + 1] == b"0" else b"0" for at in range(end - altered, end))
    damaged = data[: end - altered] + other + data[end:]
    assert restored_record(damaged, None) == (data if is_restored else None)


@pytest.mark.parametrize(("words", "bit"), [(300, 8 * 1_500 + 5), (2_500, 8 * 20)])
def test_repair_corrects_one_flipped_bit_in_records_of_any_usual_size(words: int, bit: int) -> None:
    """Those of steps have a few thousand bytes, those of long plans and experiments some more."""
    data = bytearray(whole := seal({"format": 1, "words": "a harbour " * words}))
    data[bit >> 3] ^= 1 << (bit & 7)
    assert restored_record(bytes(data), None) == whole


@pytest.mark.parametrize("digits", [slice(0, 16), slice(24, 40), slice(48, 64), slice(0, 64)], ids=str)
def test_any_sixteen_digits_of_a_hash_name_the_step_of_a_head(digits: slice) -> None:
    hashes = {step: sha256(f"step {step}".encode()) for step in (1, 2)}
    assert lost_head(f"000001 {hashes[2][digits]} HEAD\n".encode(), hashes) == (2, "its hash names the step")


def test_with_fewer_digits_the_number_names_the_step_and_without_both_nothing_does() -> None:
    hashes = {step: sha256(f"step {step}".encode()) for step in (1, 2)}
    assert lost_head(f"000001 {hashes[2][:15]} HEAD\n".encode(), hashes) == (1, "its number names the step")
    assert lost_head(f"000003 {hashes[2][:15]} HEAD\n".encode(), hashes) is None
    assert lost_head(b"", hashes) is None


@pytest.mark.parametrize("name", EDITS)
def test_an_edited_session_json_is_restored_or_stays_damaged(tmp_path: Path, name: str) -> None:
    """With the record of the seed picture it can be made again; without it nothing is known."""
    root = tmp_path / "s"
    make_session(root, ("x_ltr",)).branch("night")
    path = root / "session.json"
    original = path.read_bytes()
    path.write_bytes(edited := by_hand(original, EDITS[name]))
    assert not verify_path(root).ok
    assert verify_path(root, repair=True).ok
    assert path.read_bytes() == original
    path.write_bytes(edited)
    seed = root / "steps" / "000000" / "step.json"
    seed.write_bytes(by_hand(seed.read_bytes(), lambda record: record.update(kind="step")))
    verify_path(root, repair=True)
    assert path.read_bytes() in (edited, original)


def test_a_sealed_session_json_with_another_axis_is_found_and_restored(tmp_path: Path) -> None:
    root = tmp_path / "s"
    make_session(root, ("x_ltr",))
    path = root / "session.json"
    original = path.read_bytes()
    path.write_bytes(seal({**json.loads(original), "axis": "y"}))
    (finding,) = verify_path(root, repair=True).findings
    assert finding.problem == "its axis is 'y', not that of its steps"
    assert path.read_bytes() == original


def test_an_edited_record_without_a_hash_elsewhere_stays_unchanged(tmp_path: Path) -> None:
    """The plan of an experiment, say: no other record keeps its hash."""
    root = tmp_path / "s"
    make_session(root)
    (root / "experiments").mkdir()
    plan = root / "experiments" / "feather.json"
    plan.write_bytes(edited := by_hand(seal({"format": 1, "arms": [0, 16]}), lambda record: record.update(arms=[0])))
    report = verify_path(root, repair=True)
    assert [finding.path for finding in report.findings] == ["experiments/feather.json"]
    assert (report.ok, plan.read_bytes()) == (False, edited)


def test_one_altered_character_of_a_head_is_corrected_and_is_the_only_finding(tmp_path: Path) -> None:
    """Whichever it is: number, hash, name or the end of the line."""
    root = tmp_path / "s"
    make_session(root, ("x_ltr", "x_rtl"))
    before = tree(root)
    line = before["HEAD"]
    for at in range(len(line)):
        altered = b"0" if line[at : at + 1] != b"0" else b"1"
        (root / "HEAD").write_bytes(line[:at] + altered + line[at + 1 :])
        report = verify_path(root, repair=True)
        assert ([finding.path for finding in report.findings], report.ok) == (["HEAD"], True), at
        assert tree(root) == before, at
