"""FORMAT.md says what is on disk: it is generated from the record types, and every record conforms to its type."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from exquisite import MockTileGenerator, Session, TileContract
from exquisite.pipeline import formats
from exquisite.pipeline.step.options import StepOptions
from tests.support.damage import damaged_session
from tests.support.formats import document, violations
from tests.support.tiny import seed_picture

PATHS = {
    r"session\.json": formats.SessionRecord,
    r"ledger\.json": formats.LedgerRecord,
    r"steps/\d+/step\.json": formats.StepRecord,
    r"steps/\d+/request\.json": formats.RequestRecord,
    r"steps/\d+/score\.json": formats.ScoreRecord,
    r"steps/\d+/candidates/\d+/score\.json": formats.CandidateRecord,
    r"steps/\d+/answers/\d+\.intent\.json": formats.CallRecord,
    r"steps/\d+/answers/\d+\.outcome\.json": formats.OutcomeRecord,
    r"settled/\d+-\d+\.json": formats.SettlementRecord,
    r"experiments/.+\.json": formats.ExperimentRecord,
}
WITHOUT_TYPE = re.compile(r".*/(score_metric|model_response_meta)\.json")


def records(root: Path) -> dict[str, list[str]]:
    """Path -> violations, for every JSON file of a session."""
    violations_by_path = {}
    for path in sorted(root.rglob("*.json")):
        name = path.relative_to(root).as_posix()
        if WITHOUT_TYPE.fullmatch(name):
            continue
        (kind,) = [kind for pattern, kind in PATHS.items() if re.fullmatch(pattern, name)]
        record = json.loads(path.read_text("utf-8"))
        record.pop("sha256", None)
        violations_by_path[name] = violations(record, kind, name)
    return violations_by_path


def test_the_document_is_generated_from_the_types() -> None:
    text = (Path(formats.__file__).parents[1] / "FORMAT.md").read_text("utf-8")
    assert text == document(), "run: python -m tests.support.generated_tables"


def test_every_record_of_a_paid_session_conforms(tmp_path: Path) -> None:
    damaged_session(tmp_path / "s")
    violations_by_path = records(tmp_path / "s")
    assert len(violations_by_path) > 15
    assert [text for texts in violations_by_path.values() for text in texts] == []


def test_every_record_of_a_simulated_step_conforms(tmp_path: Path) -> None:
    session = Session.create(tmp_path / "s", seed_picture(64, 64), TileContract(64, 32, 16, 16))
    session.step("x_ltr", MockTileGenerator(), candidates=1, gate=1e-9)
    session.step("x_ltr", MockTileGenerator(), candidates=1, gate=None, feather_px=8)
    assert [text for texts in records(tmp_path / "s").values() for text in texts] == []


def test_the_options_are_those_of_a_step() -> None:
    assert violations(StepOptions().as_dict(), formats.OptionsRecord, "options") == []


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ({"steps": 1}, "totals.candidates is missing"),
        ({"steps": 1, "candidates": 2, "more": 3}, "totals.more is not in TotalsRecord"),
        ({"steps": "1", "candidates": 2}, "totals.steps: '1' is no <class 'int'>"),
        ([], "totals: [] is no TotalsRecord"),
    ],
)
def test_a_violation_is_named(value: object, problem: str) -> None:
    assert violations(value, formats.TotalsRecord, "totals") == [problem]
