"""The pictures that the panorama benchmark grows: in which mode, with which contract, and how far."""

from __future__ import annotations

from dataclasses import dataclass, replace

from PIL import Image

from exquisite.contract import CLASSIC, LONG, PRESETS, Mode, TileContract
from tests.benchmarks.known_pictures import PHOTOGRAPHS, known_picture
from tests.support.pictures import KINDS

__all__ = ["ARMS", "COMPARED", "CONTRACTS", "RUNS", "STEPS", "TRIALS", "Run"]

ARMS = ("as it came", "as it came + feather", "calibrated", "calibrated + feather", "oracle")
STEPS = 8

_COMPARED_ARMS = ("as it came", "calibrated")
_TRIAL_STEPS, _WARPED_TRIAL_STEPS, _WARP_PX = 6, 3, 2
_TRIAL_SEEDS = (401, 402, 403)
"""Of drawn kinds: the first two grow in a row, the last one under a local warp. Nothing was chosen on them."""


@dataclass(frozen=True)
class Run:
    """One picture grown in one mode.

    Attributes:
        picture: a drawn kind or a photograph.
        mode: the direction of growth.
        warp_px: the local warp of the drift, in pixels. With one every step starts from the true band.
        seed: of a drawn kind.
        contract: name of the contract.
        arms: what is grown.
        among: the contracts that are held beside each other: the picture has room for each.
        length_px: what is grown, with every one of them.
    """

    picture: str
    mode: str
    warp_px: float = 0
    seed: int = 21
    contract: str = "classic"
    arms: tuple[str, ...] = ARMS
    among: tuple[str, ...] = ("classic",)
    length_px: int = STEPS * CLASSIC.advance_px

    @property
    def name(self) -> str:
        """For the tables."""
        return f"{self.picture} {self.mode}" + (f" warp {self.warp_px:g} px" if self.warp_px else "")

    @property
    def sizes(self) -> TileContract:
        """The contract."""
        return PRESETS[self.contract]

    @property
    def steps(self) -> int:
        """How many steps of the contract are as long, rounded down."""
        return self.length_px // self.sizes.advance_px

    def load(self) -> Image.Image:
        """The whole known picture, canonical: the first band, all steps, and what the last tile shows beyond them."""
        among = [PRESETS[name] for name in self.among]
        seam = max(one.band_px for one in among)
        beyond = max(one.tile_px - one.band_px - one.advance_px for one in among)
        across = max(one.across_px for one in among)
        picture = known_picture(self.picture, (seam + self.length_px + beyond, across), self.seed)
        top = (across - self.sizes.across_px) // 2
        end = seam + self.steps * self.sizes.advance_px + self.sizes.margin_px
        return picture.crop((seam - self.sizes.band_px, top, end, top + self.sizes.across_px))


RUNS = (
    Run("ink", "x_ltr"),
    Run("painterly", "x_rtl"),
    Run("facade", "x_rtl"),
    Run("blue-marble", "y_ttb"),
    Run("pencil", "y_ttb"),
    Run("foliage", "y_btt"),
    Run("moon", "x_ltr", 2),
    Run("cobbles", "y_btt", 2),
)

CONTRACTS = ("classic", "long", "tall")
"""The contracts that are held beside each other."""


def COMPARED() -> list[Run]:  # noqa: N802
    """Every drawn kind and every photograph with every contract for which it is large enough, the modes by turns."""
    runs = []
    for place, name in enumerate((*KINDS, *PHOTOGRAPHS)):
        among = CONTRACTS if name in KINDS else ("classic", "long")
        run = Run(name, list(Mode)[place % len(Mode)], arms=_COMPARED_ARMS, among=among, length_px=LONG.advance_px)
        runs += [replace(run, contract=contract) for contract in among]
    return runs


def TRIALS() -> list[Run]:  # noqa: N802
    """Every drawn kind with each of _TRIAL_SEEDS and every photograph twice, the modes by turns: 300 steps."""
    runs = []
    for place, name in enumerate((*KINDS, *PHOTOGRAPHS)):
        *seeds, warped = _TRIAL_SEEDS if name in KINDS else _TRIAL_SEEDS[1:]
        lengths = [(0, seed, _TRIAL_STEPS) for seed in seeds] + [(_WARP_PX, warped, _WARPED_TRIAL_STEPS)]
        for turn, (warp_px, seed, steps) in enumerate(lengths, place):
            mode, length_px = list(Mode)[turn % len(Mode)], steps * CLASSIC.advance_px
            runs.append(Run(name, mode, warp_px, seed, arms=("calibrated",), length_px=length_px))
    return runs
