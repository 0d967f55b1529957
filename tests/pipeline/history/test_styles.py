"""Style in a session: every step records it, the trend warns, and the anchor holds a model that fades."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite import Session, TileContract
from exquisite.contract import Mode
from exquisite.geometry.measures.signature import signature_of
from exquisite.geometry.measures.trend import TRENDS, drifting
from exquisite.pipeline.history.rederive import rebuild_record
from exquisite.pipeline.history.styles import TREND_STEPS
from exquisite.pipeline.store.records import seal, sha256
from tests.support.fading import Fading
from tests.support.pictures import noise
from tests.support.tiny import grow, make_session

CONTRACT = TileContract(192, 128, 32, 48, across_px=96)
STEPS = 9
SEED_PX = 512
PICTURE = noise((SEED_PX + (STEPS + 2) * CONTRACT.advance_px + 64, 96), 5, cell=3)


@pytest.fixture(scope="module")
def by_share(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Session]:
    """Share of the anchor -> the session that a fading model has grown by STEPS with it."""
    sessions = {}
    for share in (0.0, 0.25):
        root = tmp_path_factory.mktemp("faded") / f"anchor-{share}"
        session = Session.create(root, PICTURE.crop((0, 0, SEED_PX, 96)), CONTRACT)
        for _ in range(STEPS):
            session.step("x_ltr", Fading(PICTURE, (0, 0), 0.97, 0.97), candidates=1, gate=None, anchor=share)
        sessions[share] = session
    return sessions


def test_every_step_records_its_style_against_seed_and_band(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr", "x_rtl"])
    newest, first, _ = session.log()
    for record in (newest, first):
        assert set(record["style"]) == {"strip", "since_seed", "against_band", "seed", "drifts", "trends"}
        assert set(record["style"]["since_seed"]) == set(record["style"]["against_band"]) >= set(TRENDS)
    assert newest["style"]["seed"] == first["style"]["seed"]
    seed = session.store.read_strip(next(piece for step, piece in session.store.pieces(0)))
    assert first["style"]["seed"]["signature"] == signature_of(seed).as_dict()
    assert set(newest["style"]["drifts"]) == set(newest["style"]["trends"]) == {"x_ltr", "x_rtl"}


def test_the_drifts_that_a_record_carries_are_bounded(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr"] * (TREND_STEPS + 2))
    (record,) = session.log(1)
    assert len(record["style"]["drifts"]["x_ltr"]) == TREND_STEPS
    assert session.trends()[Mode.X_LTR][0].steps == TREND_STEPS


def test_the_record_of_a_late_step_holds_as_many_numbers_as_that_of_an_early_one(tmp_path: Path) -> None:
    """Numbers are what takes time to parse, in `status` and everywhere else."""
    late, *_, early, _, _ = make_session(tmp_path / "s", ["x_rtl", *["x_ltr"] * 9]).log()
    assert early["step"] == 2
    assert late["step"] == 10
    assert numbers(late["style"]) == numbers(early["style"])


def numbers(value: object) -> int:
    """How many numbers there are in a value of JSON."""
    if isinstance(value, dict):
        return sum(map(numbers, value.values()))
    if isinstance(value, list):
        return sum(map(numbers, value))
    return isinstance(value, int | float)


def test_a_restored_record_has_a_style_only_if_its_version_wrote_one(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ["x_ltr"])
    (record,) = session.log(1)
    older = {name: value for name, value in record.items() if name not in ("style", "record_sha256")}
    data = (session.store.steps.folder(1) / "step.json").read_bytes()
    assert rebuild_record(session.store, 1, sha256(data)) == data
    assert rebuild_record(session.store, 1, sha256(seal(older))) == seal(older)


def test_a_fading_model_is_noticed_before_the_tenth_step(by_share: dict[float, Session]) -> None:
    assert "contrast -" in drifting(by_share[0.0].trends()[Mode.X_LTR])


@pytest.mark.parametrize("name", ["contrast", "sharpness"])
def test_the_anchor_holds_what_the_model_loses(by_share: dict[float, Session], name: str) -> None:
    """The true strip itself differs from the seed by chance: what counts is how far the two sessions lie apart."""
    free, anchored = (next(session.log(1))["style"]["since_seed"][name] for session in by_share.values())
    assert free < anchored < 0
    assert anchored > 0.75 * free


def test_the_score_records_the_correction_and_a_later_choice_repeats_it(by_share: dict[float, Session]) -> None:
    session = by_share[0.25]
    before = (session.store.steps.folder(session.head) / "score.json").read_text()
    assert '"anchor": {' in before
    again = session.rescore()
    assert again.examined[0].correction is not None
    assert session.rescore(anchor=0.0).examined[0].correction is None
    assert session.verify().ok


def test_an_anchor_of_0_is_the_default(tmp_path: Path) -> None:
    one, other = (make_session(tmp_path / name, ["x_ltr"]) for name in ("one", "other"))
    grow(other, "x_ltr", anchor=0.0)
    grow(one, "x_ltr")
    assert one.frontier("x_ltr").tobytes() == other.frontier("x_ltr").tobytes()
