"""The constants of scorer and gate, pinned by the scores of ten fixed seams."""

import pytest

from tests.support.seam_pins import SEAMS, pinned, score_record


def test_ten_seams_are_pinned() -> None:
    assert list(pinned()) == list(SEAMS)
    assert len(SEAMS) == 10


@pytest.mark.parametrize("name", SEAMS)
def test_scorer_and_gate_give_the_pinned_values_of_a_fixed_seam(name: str) -> None:
    now, then = score_record(name), pinned()[name]
    assert now["vetoes"] == then["vetoes"]
    assert now["threshold"] == pytest.approx(then["threshold"], rel=1e-6)
    assert now["metrics"] == pytest.approx(then["metrics"], rel=1e-6)
