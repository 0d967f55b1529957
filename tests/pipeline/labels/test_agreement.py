"""The agreement of each metric with the candidates that a person accepted."""

from __future__ import annotations

from pathlib import Path

from exquisite.geometry.overlap_score import METRICS
from tests.support.tiny import grow, make_session


def test_only_choices_of_a_person_count_and_agreement_is_the_same_candidate(tmp_path: Path) -> None:
    session = make_session(tmp_path / "s", ("x_ltr",))
    assert session.agreement() == dict.fromkeys(METRICS, (0, 0))
    grow(session, "x_rtl", candidates=2, gate=1e-9)
    best_by = session.rescore().choice.best_by
    session.accept(0)
    expected = {metric: (int(best_by[metric] == 0), 1) for metric in best_by}
    assert {metric: counted for metric, counted in session.agreement().items() if metric in best_by} == expected
    session.accept(1)
    assert all(session.agreement()[metric] == (1, 2) for metric in best_by)
