"""The folder of a step that was cut short: another run takes it over and leaves nothing of it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.pipeline.session import Session
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import grow, make_session, tree


class Interrupted:
    """A generator that a person interrupts before it has asked for anything."""

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        raise KeyboardInterrupt


class StopsAtRecord(QuickFiles):
    """A file system on which a run ends before it writes the record of a step."""

    def replace(self, source: Path, target: Path) -> None:
        if target.name == "step.json":
            raise KeyboardInterrupt
        super().replace(source, target)


@pytest.mark.invariant("NO-LITTER")
def test_another_request_takes_the_number_of_a_step_without_requests(tmp_path: Path) -> None:
    whole = make_session(tmp_path / "whole", files=QuickFiles())
    session = make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(KeyboardInterrupt):
        grow(session, "x_ltr", Interrupted(), prompt="one")
    assert session.store.steps.unfinished() == [1]
    for each in (whole, session):
        assert grow(each, "x_ltr", prompt="another").step_index == 1
    assert tree(session.root).keys() == tree(whole.root).keys()
    assert session.verify().notes == ()


@pytest.mark.invariant("NO-LITTER")
def test_a_rerun_with_fewer_files_removes_the_others_and_their_folders(tmp_path: Path) -> None:
    make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(KeyboardInterrupt):
        grow(Session.open(tmp_path / "s", files=StopsAtRecord()), "x_ltr", artifacts="full")
    folder = tmp_path / "s" / "steps" / "000001"
    assert (folder / "candidates" / "0" / "score.json").is_file()
    grow(Session.open(tmp_path / "s", files=QuickFiles()), "x_ltr", artifacts="none")
    assert {path.name for path in folder.iterdir()} == {"answers", "request.json", "step.json"}
