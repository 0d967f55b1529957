"""The fit of the seam's weights: it learns what tells damages apart, and the package holds the result."""

from __future__ import annotations

import json
import random
from dataclasses import replace

import pytest

from exquisite.geometry.overlap_score import DEFAULT_GATE
from exquisite.geometry.seam_cost import COMPONENTS, TYPICAL_COST, Departure
from tests.benchmarks import seam_weights
from tests.benchmarks.seam_samples import Sample
from tests.benchmarks.seam_weights import (
    SHARES,
    Fit,
    Row,
    fit,
    held_out,
    least,
    refused,
    rows_of,
    with_fit,
    won,
)

COUNT = len(COMPONENTS)


def sample(*beyond: float, damage: str = "", group: str = "truth", picture: str = "ink", place: str = "1") -> Sample:
    """A seam whose first components depart so many floors, in a band without departures."""
    padded = (*beyond, *[0.0] * (COUNT - len(beyond)))
    seam = tuple(Departure(value * c.floor, 0.0) for value, c in zip(padded, COMPONENTS, strict=True))
    return Sample(group, picture, place, damage, seam, ((Departure(0.0, 0.0),) * COUNT,))


def rows(*means: float, number: int = 400) -> list[Row]:
    """Margins around some means, with a standard deviation of 1, and no constant."""
    draw = random.Random(7)
    return [Row((*(draw.gauss(mean, 1) for mean in means), 0.0), 1 / number) for _ in range(number)]


def test_the_package_holds_the_weights_that_were_fitted() -> None:
    recorded = json.loads(seam_weights.RESULT.read_text(encoding="utf-8"))
    assert {component.name: component.weight for component in COMPONENTS} == recorded["weights"]
    assert recorded["fitted on"]["samples"].keys() <= SHARES.keys()


def test_a_fit_is_written_into_the_package() -> None:
    recorded = json.loads(seam_weights.RESULT.read_text(encoding="utf-8"))
    source = seam_weights.MODULE.read_text(encoding="utf-8")
    assert with_fit(source, recorded) == source
    assert with_fit(source, {"weights": dict.fromkeys(recorded["weights"], 7.25)}).count(", 7.25, ") == COUNT


def test_informative_components_weigh_more_and_no_weight_is_negative() -> None:
    (strong, weak, wrong, _), _ = least(rows(2.0, 0.5, -1.0))
    assert strong > weak > 0
    assert wrong == 0


def test_equal_components_share_the_weight() -> None:
    same = [Row((row.coefficients[0], row.coefficients[0], 0.0), row.share) for row in rows(1.0)]
    (first, second, _), _ = least(same)
    assert first == pytest.approx(second, rel=1e-3)


def test_the_values_are_the_least_of_the_sum() -> None:
    some = rows(1.0, 0.3)
    best, total = least(some)
    slope, _ = seam_weights._derivatives(some, best)
    assert slope == pytest.approx((0, 0, 0), abs=1e-5)
    assert total == pytest.approx(seam_weights._sum(some, best))


def test_the_fit_has_the_constant_of_the_gate() -> None:
    draw = random.Random(3)
    samples = [sample(draw.gauss(0.5, 0.3), place=str(k)) for k in range(30)]
    samples += [sample(draw.gauss(1.5, 0.6), damage="blur", place=str(k)) for k in range(30)]
    assert fit(samples).constant == pytest.approx(DEFAULT_GATE / 2 * TYPICAL_COST)


def test_groups_have_their_shares_and_damages_of_every_kind_count_alike() -> None:
    samples = [
        sample(0.0),
        sample(0.0, place="2"),
        sample(3.0, damage="blur"),
        sample(3.0, damage="blur", place="2"),
        sample(3.0, damage="noise"),
        sample(2.0, group="smooth", place="3"),
        sample(4.0, group="smooth", place="3", damage="noise"),
        sample(4.0, group="real", picture="pair", damage="visible"),
    ]
    fit_rows = rows_of(samples)
    at_gate, beside = ([row for row in fit_rows if bool(row.coefficients[-1]) is gate] for gate in (True, False))
    total = SHARES["truth"] + SHARES["damage"] + SHARES["redraw"] + SHARES["damaged redraw"] + SHARES["visible"]
    assert sum(row.share for row in at_gate) == pytest.approx(total)
    blurred, also_blurred, noisy = (row.share for row in beside)
    assert (blurred, blurred, noisy) == pytest.approx((also_blurred, noisy / 2, SHARES["beside its truth"] / 2))


def test_truths_should_cost_less_than_the_constant_and_damages_more() -> None:
    truth, damage, beside = rows_of([sample(1.0), sample(2.0, damage="blur")])
    assert truth.coefficients[0] == pytest.approx(-0.5)
    assert truth.coefficients[-1] == 1
    assert damage.coefficients[0] == pytest.approx(0.8)
    assert damage.coefficients[-1] == -1
    assert beside.coefficients[0] == pytest.approx(0.3)


def test_the_band_sets_the_usual_values() -> None:
    usual = replace(sample(1.0), interior=(sample(1.0).seam, sample(0.0).seam))
    (truth,) = rows_of([usual])
    assert truth.coefficients[0] == pytest.approx(-(0.5 - DEFAULT_GATE / 2 * 0.25))


def test_refusals_and_wins_are_counted() -> None:
    heavy = Fit((10.0, *[0.0] * (COUNT - 1)), 4.0)
    samples = [
        sample(0.5),
        sample(1.0, place="2"),
        sample(1.0, damage="blur"),
        sample(0.5, damage="noise"),
        sample(0.5, damage="blur", place="2"),
    ]
    assert refused(samples, lambda _: heavy) == {"truth": (1, 2), "damage": (1, 3)}
    assert won(samples, lambda _: heavy) == pytest.approx(1.5 / 3)


def test_every_picture_is_scored_by_a_fit_without_it() -> None:
    draw = random.Random(11)
    samples = [
        sample(draw.gauss(2.0 if damage else 0.5, 0.5), damage=damage, picture=picture, place=str(k))
        for picture in "abcd"
        for damage in ("", "blur")
        for k in range(6)
    ]
    samples.append(sample(1.0, group="real", picture="pair"))
    fits = held_out(samples, workers=1)
    assert set(fits) == {"a", "b", "c", "d", "pair"}
    assert fits["a"] == fit([one for one in samples if one.picture != "a"])
    assert fits["pair"] == fit([one for one in samples if one.picture != "pair"])
