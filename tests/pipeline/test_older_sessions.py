"""Sessions that older versions wrote open, verify and go on; `fixtures/sessions` holds one archive a version."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from exquisite import MockTileGenerator, RawCandidate, Session, TileRequest
from exquisite.api.generator import CallLog
from exquisite.cli import main
from exquisite.errors import OutcomeUnknownError
from tests.support.children import ROOT
from tests.support.tiny import InstantGenerator, PayingGenerator, grow, pixels_of

ARCHIVES = sorted((ROOT / "fixtures" / "sessions").glob("*.zip"))

CANVASES = {
    "everything": ((56, 32), "10118a41247342c0212fb66557447e3f35fe3837fe821db6e379df2afbc38adc"),
    "in-doubt": ((32, 40), "a202764c5a38f85923b9fed368e40c8b9bdce5dbc93a2cb7d7f0d8a08e37f08b"),
    "simulated": ((96, 64), "76c501fe2efb5a9d71e19b215d5d40c814d9cd53dbba11cfbc47cd64fb0b4669"),
    "compared": ((64, 64), "915ebeb5791a7d7f0f0fbae408cf43621573701a1628846337c6e57478a2331a"),
}
"""Name -> (size, SHA-256 of the RGB pixels) of the canvas, as the version that wrote the session read it."""


Unpack = Callable[[str], Path]


@pytest.fixture(params=ARCHIVES, ids=lambda path: path.stem)
def unpack(request: pytest.FixtureRequest, tmp_path: Path) -> Unpack:
    """Unpacks a session, by name, that one older version wrote."""

    def open_archive(name: str) -> Path:
        with zipfile.ZipFile(request.param) as archive:
            members = [member for member in archive.namelist() if member.startswith(f"{name}/")]
            archive.extractall(tmp_path, members)
        return tmp_path / name

    return open_archive


@pytest.mark.parametrize("name", CANVASES)
def test_a_session_opens_verifies_and_goes_on(unpack: Unpack, name: str) -> None:
    root = unpack(name)
    session = Session.open(root)
    assert [str(finding) for finding in session.verify().findings] == []
    assert session.status().steps == len(list(session.log())) - 1
    size, pixels = pixels_of(root)
    assert (size, hashlib.sha256(pixels).hexdigest()) == CANVASES[name]

    grow(session, "y_btt" if session.axis == "y" else "x_rtl", prompt="something else")
    assert session.accept(0).status == "committed"
    assert session.canvas_size > size
    session.undo()
    assert pixels_of(root) == (size, pixels)
    assert session.verify().ok


class Interrupted(InstantGenerator):
    """Answers to the name of the generator whose step was interrupted, and refuses to be asked again."""

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        raise AssertionError("the stored answers are enough")


def test_an_unfinished_step_is_resumed_from_its_stored_answers(unpack: Unpack) -> None:
    session = Session.open(unpack("everything"))
    assert session.status().unfinished
    assert grow(session, "x_rtl", Interrupted()).status == "rejected"  # its only tile is a mirrored copy
    assert session.accept(0).status == "committed"
    assert not session.status().unfinished


def test_a_call_of_unknown_outcome_is_not_repeated(unpack: Unpack) -> None:
    session = Session.open(unpack("in-doubt"))
    billed: list[tuple[int, int]] = []
    with pytest.raises(OutcomeUnknownError):
        grow(session, "y_ttb", PayingGenerator(billed), candidates=2, artifacts="full")
    assert billed == []
    grow(session, "y_ttb", PayingGenerator(billed), candidates=2, artifacts="full", retry_ambiguous=True)
    assert len(billed) == 1


def test_stored_answers_of_the_simulated_model_are_scored_and_chosen_again(unpack: Unpack) -> None:
    session = Session.open(unpack("simulated"))
    rescore = session.rescore(metric="sobel_corr", gate=None)
    assert len(rescore.examined) == 3
    result = session.accept(1)
    assert (result.status, result.chosen) == ("committed", 1)
    assert session.step("x_rtl", MockTileGenerator(seed=3), gate=None, candidates=1).status == "committed"


def test_an_experiment_is_reported_without_asking_again(
    unpack: Unpack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("exquisite.api.mock.MockTileGenerator.generate", Interrupted.generate)
    root = str(unpack("compared"))
    again = ["experiment", root, "x_ltr", "--name", "feather", "--vary", "feather_px=0,8", "--repeat", "2", "--yes"]
    assert main(again) == 0
    assert "feather_px" in capsys.readouterr().out
