"""Gamma, primaries and cICP code points: treated as sRGB if equal to it, otherwise converted or refused."""

from __future__ import annotations

import pytest

from exquisite.errors import PictureError
from exquisite.pipeline.fitting.encoding import (
    SRGB_PRIMARIES,
    Primaries,
    cicp_encoding,
    gamma_encoding,
    recoding_table,
)
from tests.support.colour_reference import SRGB


def alike(exponent: float) -> tuple[float, float, float]:
    return (exponent, exponent, exponent)


@pytest.mark.parametrize(("exponent", "notes"), [(1 / 0.45455, 0), (2.2, 0), (1 / 0.45, 1), (2.1, 1), (2.3, 1)])
def test_a_gamma_near_2_2_is_the_curve_of_srgb(exponent: float, notes: int) -> None:
    """Silently only where writers of sRGB put it."""
    changes: list[str] = []
    assert gamma_encoding("gAMA", alike(exponent), None, changes) is None
    assert len(changes) == notes


@pytest.mark.parametrize("exponent", [1.0, 1.8, 2.08, 2.32, 2.6])
def test_another_gamma_is_converted(exponent: float) -> None:
    changes: list[str] = []
    encoding = gamma_encoding("gAMA", alike(exponent), None, changes)
    assert encoding is not None
    assert encoding.transfers is not None
    assert (encoding.transfers[1](0.25), changes) == (0.25**exponent, [])


@pytest.mark.parametrize("exponent", [0.0, 1e-9, 50.0])
def test_an_absurd_gamma_is_ignored_and_reported(exponent: float) -> None:
    changes: list[str] = []
    assert gamma_encoding("gAMA 7", alike(exponent), None, changes) is None
    assert changes == ["ignored its gAMA 7, which is no curve"]


def test_primaries_that_span_no_colours_are_ignored_and_reported() -> None:
    changes: list[str] = []
    for points in (
        Primaries((0.3127, 0.329), (0.6, 0.3), (0.6, 0.3), (0.15, 0.06)),
        Primaries((0.0, 0.0), *SRGB_PRIMARIES[1:]),
        Primaries((0.3127, 0.329), (1.6, 0.3), (0.3, 0.6), (0.15, 0.06)),
    ):
        assert gamma_encoding("gAMA", None, points, changes) is None
    assert len(changes) == 3


def test_code_points_of_srgb_and_none_change_nothing() -> None:
    assert cicp_encoding(1, 13) is cicp_encoding(2, 13) is cicp_encoding(9, 2) is None


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_high_dynamic_range_is_refused(transfer: int, name: str) -> None:
    with pytest.raises(PictureError, match=rf"high dynamic range \({name}\): tone them down"):
        cicp_encoding(9, transfer)


@pytest.mark.parametrize("most", [255, 65535])
def test_the_table_is_the_nearest_level_of_every_sample(most: int) -> None:
    """128 of 255 in linear light is 188; each entry is what the definition says."""
    table = recoding_table(lambda value: value, most)
    assert len(table) == most + 1
    assert table[round(128 * most / 255)] == 188
    linear = (SRGB.curve(level / 255) for level in table)
    assert all(abs(light - at / most) <= 1 / 220 for at, light in enumerate(linear))
