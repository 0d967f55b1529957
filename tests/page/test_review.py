"""The page of a session: its state, the step that waits for a choice, and the reasons."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from exquisite.contract import Mode
from exquisite.page.facts import calibration_words, from_one, gate_margin, step_facts
from exquisite.page.jobs import Payment
from exquisite.page.pictures import Selection
from exquisite.page.review import Review, margin_word
from exquisite.pipeline.session import Session
from exquisite.pipeline.store.step_folders import StepFolders
from tests.support import loops
from tests.support.children import run_python
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import InstantGenerator, grow, make_session


@pytest.fixture
def review(session: Session) -> Review:
    return Review(session.root)


class TestState:
    def test_names_the_step_that_waits_for_a_choice(self, review: Review, session: Session) -> None:
        state = review.state(None)
        assert (state["head"], state["last_step"], state["waiting"]) == (2, 3, 3)
        assert state["modes"] == ["x_ltr", "x_rtl"]
        assert state["generator"] is None
        session.accept(0, step=3)
        assert review.state(None)["waiting"] is None

    def test_money_equals_the_amounts_of_the_session(self, review: Review) -> None:
        money = review.state(None)["money"]
        assert money["spent_usd"] == "0"
        assert money["budget_usd"] is None
        assert money["lines"] == [{"label": "spent", "amount": "$0.00", "meaning": ""}]

    def test_the_rest_of_the_budget_is_shown(self, session: Session) -> None:
        review = Review(session.root, InstantGenerator(), Payment(allowed=True, budget=Decimal(2)))
        money = review.state(None)["money"]
        assert (money["budget_usd"], money["budget_left_usd"]) == ("2", "2")
        assert money["lines"][-1] == {"label": "budget left", "amount": "$2.00", "meaning": "of $2.00"}

    def test_a_session_without_steps_may_grow_in_every_direction(self, tmp_path: Path) -> None:
        make_session(tmp_path / "s", files=QuickFiles())
        state = Review(tmp_path / "s").state(None)
        assert (len(state["modes"]), state["head"]) == (4, 0)


class TestStep:
    def test_a_waiting_step_is_described_in_full(self, review: Review) -> None:
        facts = review.step(3, None)
        assert (facts["status"], facts["choosable"], facts["on_head"]) == ("rejected", True, False)
        assert [one["candidate"] for one in facts["candidates"]] == [0, 1, 2]
        assert all(one["metrics"] and one["verdict"] for one in facts["candidates"])
        assert facts["gate"]["passed"] is False
        assert facts["prompt"]
        assert facts["frame"] == {
            "size": [24, 32], "axis": "x", "side": "high", "seam": 16, "growth": [16, 0, 24, 32], "overlap_px": 8,
        }  # fmt: skip

    def test_only_the_last_step_offers_a_choice(self, review: Review) -> None:
        assert review.step(2, None)["choosable"]  # the last strip can be chosen again
        assert not review.step(1, None)["choosable"]

    def test_a_step_without_files_shows_its_candidates_alone(self, session: Session) -> None:
        grow(session, "x_ltr", artifacts="none", candidates=2)
        facts = step_facts(session.store, session.head)
        assert [one["candidate"] for one in facts["candidates"]] == [0, 1]
        assert (facts["gate"], facts["margin"]) == (None, None)

    def test_the_seed_picture_has_no_candidates(self, review: Review) -> None:
        assert review.step(0, None)["candidates"] == []

    def test_people_count_candidates_from_one(self) -> None:
        assert from_one("candidate 0 is best, above candidate 2 of 3") == "candidate 1 is best, above candidate 3 of 3"


class TestSeams:
    def test_have_a_place_and_a_margin_to_the_gate(self, review: Review) -> None:
        answer = review.seams(2, -8, 40)
        assert [(seam["step"], seam["at"]) for seam in answer["seams"]] == [(2, 0), (1, 32)]
        assert {seam["word"] for seam in answer["seams"]} == {"unknown"}  # they were made without a gate

    def test_only_seams_in_view_are_listed(self, review: Review) -> None:
        assert [seam["step"] for seam in review.seams(2, 20, 40)["seams"]] == [1]

    @pytest.mark.parametrize(
        ("margin", "word"),
        [(None, "unknown"), (-0.1, "below"), (0.0, "near"), (0.34, "near"), (0.35, "clear"), (1, "clear")],
    )
    def test_every_margin_has_a_word(self, margin: float | None, word: str) -> None:
        assert margin_word(margin) == word

    def test_a_margin_is_relative_to_the_threshold_of_the_gate(self) -> None:
        score = {"gate": {"threshold": -4.0}, "chosen": 0, "candidates": [{"metrics": {"seam": -1.0}}]}
        assert gate_margin(score) == pytest.approx(0.75)
        assert gate_margin(score | {"chosen": None, "best": 0}) == pytest.approx(0.75)
        seams = [{"metrics": {"seam": value}} for value in (-1.0, -3.0)]
        both = {"chosen": 0, "gate": {"threshold": -4.0}, "far_gate": {"threshold": -4.0}}
        for two in (seams, seams[::-1]):  # of a loop the worse seam counts
            loop = both | {"candidates": [{"metrics": {}, "seams": two}]}
            assert gate_margin(loop) == pytest.approx(0.25)
        assert gate_margin(score | {"gate": None}) is None
        assert gate_margin({}) is None


def test_the_tree_names_every_head(review: Review, session: Session) -> None:
    session.branch("night", at=1)
    heads = {node.step: node.heads for node in review.nodes(None) if node.heads}
    assert heads == {1: ("night",), 2: ("main",)}


def test_the_drift_is_that_of_each_strip_against_the_seed(review: Review, session: Session) -> None:
    answer = review.drift(2, budget_s=20)
    assert (answer["steps"], answer["complete"]) == ([1, 2], True)
    assert set(answer["series"]) == {"sharpness", "contrast", "lightness", "colour", "line_density"}
    assert review.drift(2, budget_s=0)["complete"]  # measured before


def test_a_drift_without_a_record_is_measured(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Records of earlier versions have no style: the pictures give the same series, within rounding."""
    from_records = Review(session.root).drift(2, budget_s=20)["series"]
    record = StepFolders.record

    def without_style(steps: StepFolders, number: int) -> dict[str, Any]:
        return {name: value for name, value in record(steps, number).items() if name != "style"}

    monkeypatch.setattr(StepFolders, "record", without_style)
    from_pictures = Review(session.root).drift(2, budget_s=20)["series"]
    for name, values in from_records.items():
        assert from_pictures[name] == pytest.approx(values, abs=0.01)


class TestCalibrationInWords:
    def test_describes_every_correction(self) -> None:
        calibration = {
            "applied": True, "reason": "the residual fell", "shift": [2.0, -1.5], "scale": [1.01, 1.0],
            "local_px": [0.0, 0.8], "tone": [[40.0, 128.0, 224.0]], "residual_before": 8.0,
            "residual_after": 2.0, "kept": 0.9, "rim_px": 3,
        }  # fmt: skip
        words = " ".join(calibration_words(calibration))
        sizes = ("+2.0 px", "-1.5", "101.00%", "0.8 px", "8 of 255", "from 8.0 to 2.0 levels", "10%", "3 px")
        for text in ("Applied", *sizes):
            assert text in words

    def test_omits_missing_corrections(self) -> None:
        assert calibration_words({"applied": False, "reason": "no drift"}) == ["Not applied: no drift."]


@pytest.mark.invariant("IMPORTS")
@pytest.mark.parametrize("run", ["import exquisite", "from exquisite.cli import main; main(['models', '--quiet'])"])
def test_only_its_own_verbs_import_the_page(run: str) -> None:
    code = f"import sys\n{run}\nprint([n for n in sys.modules if n.startswith('exquisite.page') or n == 'http.server'])"
    process = run_python(code)
    assert process.stdout.splitlines()[-1] == "[]", process.stderr


def test_a_loop_shows_its_last_step_and_offers_no_other(tmp_path: Path) -> None:
    session = loops.canvas_at(tmp_path / "s")
    loops.grow(session, Mode.X_LTR, close=True, gate=2.75)
    review = Review(session.root)
    try:
        state = review.state(None)
        assert (state["closed"], state["modes"]) == (True, [])
        facts = review.step(3, None)
        assert facts["frame"]["size"] == [loops.CONTRACT.band_px + loops.MIDDLE, loops.CONTRACT.across_px]
        assert facts["margin"] > 0
        for treatment in ("raw", "enforced", "feathered"):
            picture = review.pictures.in_place(Selection(3, 0, treatment))
            assert picture.size == (loops.CONTRACT.band_px + loops.MIDDLE, loops.CONTRACT.across_px)
    finally:
        review.close()


def test_the_seam_nearer_its_gate_counts() -> None:
    seams = [{"metrics": {"seam": -3.0}}, {"metrics": {"seam": -9.0}}]
    score = {
        "chosen": 0,
        "gate": {"threshold": -6.0},
        "far_gate": {"threshold": -10.0},
        "candidates": [{"metrics": {"seam": -9.0}, "seams": seams}],
    }
    assert gate_margin(score) == pytest.approx(0.1)
