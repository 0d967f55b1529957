"""The curves: one value a cut, in one picture or from one to another."""

import pytest

from exquisite.geometry.seam_cost import COMPONENTS
from exquisite.geometry.seam_curves import redraw_curves, seam_curves
from tests.support.pictures import constant, draw, noise

REACH, HEIGHT = 32, 40
SIZE = (2 * REACH, HEIGHT)


def test_every_component_has_its_curve() -> None:
    curves = seam_curves(noise(SIZE), REACH)
    assert set(curves) == {component.curve or component.name for component in COMPONENTS}
    assert {len(curve) for curve in curves.values()} == {2 * REACH}


def test_a_band_that_is_its_own_redraw_has_its_own_curves() -> None:
    band = noise(SIZE, 4)
    own = seam_curves(band, REACH)
    del own["tone"]
    assert redraw_curves(band, band.copy(), REACH) == (own, own)


@pytest.mark.parametrize("kind", ["ink", "bricks", "clouds"])
@pytest.mark.parametrize("cut", [48, 64, 75])
def test_the_curves_at_a_cut_are_those_of_the_band_joined_with_its_redraw_there(kind: str, cut: int) -> None:
    """Those of the finest detail are only near: their filters read across the cut."""
    band, redraw = (draw(kind, (128, 96), seed) for seed in (1, 2))
    joined = band.copy()
    joined.paste(redraw.crop((cut, 0, *redraw.size)), (cut, 0))
    cuts, usual = redraw_curves(band, redraw, REACH)
    there, own = seam_curves(joined, REACH), seam_curves(band, REACH)
    for name, curve in cuts.items():
        exact = name not in ("grain", "colour_detail", "dark_lines")
        assert curve[cut] == pytest.approx(there[name][cut], abs=1e-5 if exact else 0.1), name
        assert usual[name] == own[name]


def test_a_step_in_tone_is_at_the_cut_alone() -> None:
    """Steps of 2 levels in three channels beside none: (6 + .3) / (6 + .6); without a step .3 / .6."""
    curves, usual = redraw_curves(constant(SIZE, (100, 100, 100)), constant(SIZE, (102, 102, 102)), REACH)
    assert curves["step"][REACH] == pytest.approx(6.3 / 6.6)
    assert usual["step"][REACH] == pytest.approx(0.5)
