"""A step opens few files and decodes each answer once: what its process has read or written is not read again."""

from __future__ import annotations

import binascii
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from exquisite.api.generator import TileGenerator
from exquisite.errors import OutcomeUnknownError
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import QuickFiles
from tests.support.opened import opened_for_reading
from tests.support.paid_sessions import PaidSession
from tests.support.tiny import InstantGenerator, PayingGenerator, grow, make_session, seed_picture

READS_MAX = 20


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_session(tmp_path / "s", ("x_ltr",), files=QuickFiles(), generator=PayingGenerator([]))
    return tmp_path / "s"


@pytest.mark.parametrize("artifacts", ["none", "full"])
@pytest.mark.parametrize("generator", [InstantGenerator(), PayingGenerator([])], ids=["free", "paid"])
def test_a_second_step_reads_few_files_and_none_twice_under_the_lock(
    root: Path, generator: TileGenerator, artifacts: str
) -> None:
    with opened_for_reading(root) as paths:
        grow(Session.open(root, files=QuickFiles()), "x_ltr", generator, candidates=3, artifacts=artifacts)
    counts = Counter(paths)
    assert len(paths) <= READS_MAX, counts
    assert {path: count for path, count in counts.items() if count > 1} == {"session.json": 2}, "once before the lock"
    assert not any("answers" in path for path in paths), "what was just written is not read back"


def test_the_count_sees_every_way_of_opening_a_file(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    with opened_for_reading(tmp_path) as paths:
        (tmp_path / "a").read_bytes()
        with (tmp_path / "a").open("rb") as file:
            file.read()
        (tmp_path / "b").write_bytes(b"2")
    assert paths == ["a", "a"]


def test_an_open_session_sees_the_step_of_another_process(root: Path) -> None:
    ours = Session.open(root, files=QuickFiles())
    grow(ours, "x_ltr")
    grow(Session.open(root, files=QuickFiles()), "x_ltr")
    assert ours.head == 3
    assert grow(ours, "x_ltr").step_index == 4
    assert ours.undo() == 3


def test_an_open_session_detects_another_session_in_its_place(root: Path) -> None:
    """The folder is moved away between two steps, and another session of the same shape takes its place."""
    ours = Session.open(root, files=QuickFiles())
    grow(ours, "x_ltr")
    root.rename(root.with_name("old"))
    Session.create(root, seed_picture().rotate(180), ours.contract, files=QuickFiles())
    assert grow(ours, "x_ltr").step_index == 1
    assert verify_path(root).findings == ()


class TestPaidAnswers:
    """Of three tiles that were paid for, base64 is decoded three times in a step, and so are the pictures."""

    @pytest.fixture
    def decodings(self, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
        counts: Counter[str] = Counter()

        def counting(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
            def count(*arguments: Any, **options: Any) -> Any:
                counts[name] += 1
                return function(*arguments, **options)

            return count

        monkeypatch.setattr(binascii, "a2b_base64", counting("base64", binascii.a2b_base64))
        for module in ("png", "lossy"):
            pillow = SimpleNamespace(open=counting("picture", Image.open))
            monkeypatch.setattr(f"exquisite.api.{module}.Image", pillow)
        return counts

    @pytest.mark.parametrize("calls", ["batch", "each"])
    @pytest.mark.parametrize("outcome", ["ok", "jpeg", "url", "event_stream"])
    def test_each_is_decoded_once(self, tmp_path: Path, decodings: Counter[str], calls: str, outcome: str) -> None:
        paid = PaidSession(tmp_path / "s", *[outcome] * 3, calls=calls)
        assert len(paid.step(artifacts="full").scores) == 3
        assert decodings == Counter(base64=0 if outcome == "url" else 3, picture=3)

    def test_a_resumed_step_decodes_each_stored_answer_once(self, tmp_path: Path, decodings: Counter[str]) -> None:
        paid = PaidSession(tmp_path / "s", "ok", "timeout", calls="each", concurrency=1)
        with pytest.raises(OutcomeUnknownError):
            paid.step()
        decodings.clear()
        assert len(paid.step(retry_ambiguous=True).scores) == 3
        assert decodings == Counter(base64=3, picture=3)
