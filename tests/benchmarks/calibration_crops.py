"""Random crops of redraws, in random modes and contracts, each of which calibration must answer.

The redraws are those of an autoencoder under fixtures/, and those of the simulated model: every picture under fixtures/
in every profile of drift.
"""

from __future__ import annotations

from collections.abc import Iterator

from PIL import Image

from exquisite.api.mock.drift import PROFILES, random_drift, redraw
from exquisite.contract import Mode
from tests.benchmarks.real import Pair, fuzz
from tests.support.documents import ROOT
from tests.support.redraws import REDRAWS

__all__ = ["failures", "pairs"]

_PICTURES = (ROOT / "fixtures" / "demo" / "picture.jpg", *sorted((ROOT / "fixtures" / "pictures").glob("*.jpg")))
_TILE_PX = 384  # as the redraws under fixtures/
_AROUND_PX = 96  # more than any drift reaches


def pairs(seed: int) -> Iterator[Pair]:
    """Redraws of both kinds; `seed` chooses the drifts of the simulated ones."""
    for each in REDRAWS:
        yield Pair(each.name, each.mode, "", each.original, each.output)
    box = (_AROUND_PX, _AROUND_PX, _AROUND_PX + _TILE_PX, _AROUND_PX + _TILE_PX)
    for path in _PICTURES:
        with Image.open(path) as image:
            left, top = (length // 2 - _TILE_PX // 2 - _AROUND_PX for length in image.size)
            size = _TILE_PX + 2 * _AROUND_PX
            picture = image.convert("RGB").crop((left, top, left + size, top + size))
        for profile in PROFILES:
            tile = redraw(picture, box, random_drift(profile, f"{path.stem}:{seed}"))
            yield Pair(f"{path.stem} {profile}", Mode.X_LTR, "", picture.crop(box), tile)


def failures(count: int, seed: int = 0) -> list[str]:
    """The failures on `count` random crops: an exception, or a tile of another size, with the seed of the crop."""
    return [f"seed {seed}: {wrong}" for wrong in fuzz(list(pairs(seed)), count, seed)]
