"""The seams that the weights of the seam metric are fitted on: truths, calibrated redraws, and damages to either.

A calibrated redraw is natural where its seam residual is at most NATURAL times that of the truth: nobody can see it, so
the gate must not refuse it. Redraws that are not natural count for nothing.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from exquisite.api.mock.drift import random_drift, redraw
from exquisite.contract import CLASSIC, Mode, TileContract, to_canonical
from exquisite.geometry.calibration import Calibration, calibrate_tile
from exquisite.geometry.enforcement import enforce_conditioning_half
from exquisite.geometry.measures.seam_residual import seam_residual
from exquisite.geometry.overlap_score import allowed_share, expected_departures, score_tile
from exquisite.geometry.seam_cost import (
    REACH_PX,
    Departure,
    departures_at_seam,
    interior_departures,
)
from tests.benchmarks import real, seams
from tests.benchmarks.damages import DAMAGES, Damage, Scene

__all__ = [
    "PROFILES",
    "REDRAWN",
    "REDRAW_SEEDS",
    "VISIBLE",
    "Departures",
    "Sample",
    "of_pairs",
    "of_redraws",
    "of_truths",
]

PROFILES = ("smooth", "latent", "gemini", "gpt-image-2")
"""Kinds of simulated models whose calibrated redraws the gate must pass; the others recompose what they redraw."""

NATURAL = 1.1

CUTS, TRUTHS = 2, 10
"""Seams a drawn picture with all damages, and with the truth alone; twice as many a photograph."""

DAMAGES_A_REDRAW = 6

REDRAW_SEEDS = (0, 1, 2, 3, 4)
"""Of the drawn pictures that are redrawn: more than of those that are cut, as half of the redraws are not natural."""

VISIBLE = "visible"
"""Name of the damage of a pair whose seam a viewer saw."""

Departures = tuple[Departure, ...]
"""One for each of COMPONENTS."""


@dataclass(frozen=True)
class Sample:
    """One seam.

    Attributes:
        group: "truth", "real", or the profile of the simulated model whose calibrated redraw this is.
        picture: the picture or kind of picture, which is seen or not seen by a fit.
        place: tells the seam apart from the others of the picture.
        damage: name of what was done to it, "" where nothing was.
        seam: the departures at the seam.
        interior: the departures at the cuts inside the band.
        allowed: what the seam may cost, as a share of what that of a truth may (`allowed_share`).
    """

    group: str
    picture: str
    place: str
    damage: str
    seam: Departures
    interior: tuple[Departures, ...]
    allowed: float = 1.0


class _Seam:
    """Samples at one seam of a canonical band."""

    def __init__(self, group: str, picture: str, place: str, band: Image.Image, contract: TileContract) -> None:
        self._of = group, picture, place
        self._band, self._contract = band, contract
        reach = min(REACH_PX, contract.overlap_px)
        self._interior = tuple(tuple(cut.values()) for cut in interior_departures(band, reach))

    def sample(self, strip: Image.Image, damage: str = "", calibration: Calibration | None = None) -> Sample | None:
        """With the new `strip` behind the seam; None where a veto meets it, as the weights do not matter there."""
        tile = Image.new("RGB", self._contract.tile_size("x_ltr"))
        tile.paste(self._band, (0, 0))
        tile.paste(strip, (self._band.width, 0))
        if score_tile(self._band, tile, "x_ltr", self._contract, calibration).vetoes:
            return None
        seam = departures_at_seam(self._band, strip, expected_departures(calibration))
        return Sample(*self._of, damage, tuple(seam.values()), self._interior, allowed_share(calibration))


def of_truths(source: seams.Source) -> list[Sample]:
    """True continuations of a picture, and visible damages to them."""
    picture, rng = source.load(), random.Random(f"fit {source.name} {source.seed}")
    photographs = 1 if source.seed is not None else 2
    samples = []
    for place in range(photographs * (CUTS + TRUTHS)):
        at = rng.randrange(CLASSIC.band_px, picture.width - CLASSIC.overlap_px - 32)
        band = picture.crop((at - CLASSIC.band_px, 0, at, picture.height))
        seam = _Seam("truth", source.name, f"{source.seed} {at}", band, CLASSIC)
        samples.append(seam.sample(picture.crop((at, 0, at + CLASSIC.overlap_px, picture.height))))
        if place < photographs * CUTS:
            scene = Scene(picture, at, CLASSIC.overlap_px, source.strip_of_another(rng), rng)
            samples += _damaged(seam, scene, DAMAGES)
    return [sample for sample in samples if sample]


def REDRAWN() -> list[seams.Source]:  # noqa: N802
    """The pictures of the tuning half that are redrawn."""
    tuning = seams.TUNING()
    kinds = dict.fromkeys(source.name for source in tuning if source.seed is not None)
    return [seams.Source(kind, seed) for kind in kinds for seed in REDRAW_SEEDS] + [
        source for source in tuning if source.seed is None
    ]


def of_redraws(source: seams.Source) -> list[Sample]:
    """Natural calibrated redraws of a picture, one a profile, and visible damages to some."""
    picture, rng = source.load(), random.Random(f"fit redraws {source.name} {source.seed}")
    samples = []
    for profile in PROFILES:
        at = rng.randrange(CLASSIC.band_px, picture.width - CLASSIC.band_px)
        box = (at - CLASSIC.band_px, 0, at + CLASSIC.band_px, picture.height)
        truth = picture.crop(box)
        band, frame = truth.crop((0, 0, CLASSIC.band_px, truth.height)), CLASSIC.tile_frame("x_ltr")
        calibration = calibrate_tile(redraw(picture, box, random_drift(profile, f"{source} {at}")), band, "x_ltr")
        tile = enforce_conditioning_half(calibration.tile, band, "x_ltr")
        residuals = [seam_residual(band, image.crop(frame.tile_strip), "x_ltr") for image in (tile, truth)]
        if residuals[0] <= NATURAL * residuals[1]:
            seam = _Seam(profile, source.name, f"{source.seed} {at}", band, CLASSIC)
            samples.append(seam.sample(tile.crop(frame.tile_strip), calibration=calibration))
            scene = Scene(tile, CLASSIC.band_px, CLASSIC.overlap_px, source.strip_of_another(rng), rng)
            samples += _damaged(seam, scene, rng.sample(DAMAGES, DAMAGES_A_REDRAW), calibration)
    return [sample for sample in samples if sample]


def _damaged(
    seam: _Seam, scene: Scene, damages: Iterable[Damage], calibration: Calibration | None = None
) -> Iterator[Sample | None]:
    for damage in damages:
        strength = scene.rng.choice(damage.visible)
        yield seam.sample(damage.make(scene, strength), damage.name, calibration)


def of_pairs(folder: Path) -> list[Sample]:
    """Calibrated redraws by real models: natural where a viewer called the seam invisible, else damaged (VISIBLE).

    Pairs that the viewer called damaged by calibration count for nothing.
    """
    samples = []
    for pair in real.load(folder):
        if pair.eye == "damaged":
            continue
        calibration = calibrate_tile(pair.output, pair.band, pair.mode, pair.contract)
        tile = to_canonical(enforce_conditioning_half(calibration.tile, pair.band, pair.mode, pair.contract), pair.mode)
        band = to_canonical(pair.band, pair.mode)
        seam = _Seam("real", pair.name, "", band, pair.contract)
        strip = tile.crop(pair.contract.tile_frame(Mode.X_LTR).tile_strip)
        samples.append(seam.sample(strip, VISIBLE if pair.eye == VISIBLE else "", calibration))
    return [sample for sample in samples if sample]


