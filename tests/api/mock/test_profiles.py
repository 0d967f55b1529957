"""Drift profiles: their ranges, and the strength that scales every value from the identity."""

from __future__ import annotations

from dataclasses import replace
from statistics import correlation, median

import pytest
from PIL import Image, ImageFilter

from exquisite.api.mock.drift import PROFILE_DEFAULT, PROFILES, Drift, random_drift, redraw
from exquisite.errors import UsageError
from exquisite.pixels import flattened
from tests.support.pictures import noise
from tests.support.redraws import REDRAWS

EACH = pytest.mark.parametrize("profile", PROFILES)


def drifts_of(profile: str, strength: float = 1.0) -> list[Drift]:
    return [random_drift(profile, seed, strength) for seed in range(100)]


def test_the_default_profile_is_the_random_drift() -> None:
    assert random_drift(PROFILE_DEFAULT, 3, 0.7, warp_px=2) == Drift.random(3, 0.7, warp_px=2)


@EACH
def test_a_strength_of_0_changes_nothing(profile: str) -> None:
    picture = noise((96, 96), seed=1)
    assert redraw(picture, (16, 16, 80, 80), random_drift(profile, 5, 0.0)).tobytes() == (
        picture.crop((16, 16, 80, 80)).tobytes()
    )


@EACH
@pytest.mark.parametrize("strength", [0.5, 1.0, 3.0])
def test_shares_stay_between_0_and_1_at_any_strength(profile: str, strength: float) -> None:
    for drift in drifts_of(profile, strength):
        assert all(0 <= v <= 1 for v in (drift.coherence, drift.grain, drift.recomposed, drift.strokes))
        assert drift.jpeg == 0 or 1 <= drift.jpeg <= 95


@EACH
def test_a_seed_decides_a_drift_and_each_kind_draws_its_own(profile: str) -> None:
    assert random_drift(profile, "a") == random_drift(profile, "a") != random_drift(profile, "b")
    others = [random_drift(other, "a") for other in PROFILES if other != profile]
    assert random_drift(profile, "a") not in others


def test_the_latent_profile_stretches_one_axis_sometimes_and_hardly_shifts() -> None:
    drifts = drifts_of("latent")
    stretched = [drift for drift in drifts if drift.zoom != (1, 1)]
    assert 15 <= len(stretched) <= 50
    assert all(1 in drift.zoom and max(abs(zoom - 1) for zoom in drift.zoom) <= 0.05 for drift in stretched)
    assert all(abs(edge) <= 0.5 for drift in drifts for edge in drift.shift)
    assert all(0.4 <= drift.uneven <= 4 for drift in drifts)


def test_reframing_reaches_64_px_and_8_per_cent_of_both_axes() -> None:
    drifts = drifts_of("gpt-image-2")
    assert 55 < max(abs(edge) for drift in drifts for edge in drift.shift) <= 64
    assert 0.07 < max(abs(drift.zoom[0] - 1) for drift in drifts) <= 0.08
    assert all(drift.zoom[0] == drift.zoom[1] for drift in drifts)


def shared_detail(one: Image.Image, other: Image.Image) -> float:
    """Correlation of what a Gaussian of sigma 1 takes away from the luminance of two pictures."""
    details = []
    for grey in (one.convert("L"), other.convert("L")):
        smooth = grey.filter(ImageFilter.GaussianBlur(1))
        pairs = zip(flattened(grey), flattened(smooth), strict=True)
        details.append([float(sharp) - float(soft) for sharp, soft in pairs])  # type: ignore[arg-type]
    return correlation(*details)


def test_the_latent_profile_redraws_the_finest_detail() -> None:
    """Redraws by latent models correlate with their originals by .44 to .92, .65 in the median."""
    correlations = []
    for number, pair in enumerate(REDRAWS):
        picture = pair.original.crop((0, 0, 160, 160))
        unmoved = replace(random_drift("latent", number), shift=(0.0, 0.0), zoom=(1.0, 1.0), warp_px=0.0, fine_px=0.0)
        correlations.append(shared_detail(picture, redraw(picture, (0, 0, 160, 160), unmoved)))
    assert 0.35 < min(correlations) < 0.6 < max(correlations)
    assert 0.55 < median(correlations) < 0.75


def test_a_warp_is_added_to_that_of_the_profile() -> None:
    plain, warped = random_drift("latent", 1), random_drift("latent", 1, warp_px=3)
    assert replace(warped, warp_px=plain.warp_px) == plain
    assert warped.warp_px == pytest.approx(plain.warp_px + 3)


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown drift profile 'dall-e': use one of smooth, latent"):
        random_drift("dall-e", 1)
