"""The options of a step, with defaults and ranges."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import PurePath
from typing import TypedDict, cast

from ...api.prompt import PROMPT_STRENGTHS
from ...api.reference_picture import REFERENCE_KINDS
from ...contract import TileContract
from ...errors import UsageError
from ...geometry.overlap_score import DEFAULT_GATE, METRICS
from ...geometry.reference_tile import SCAFFOLD_FILLS
from ...json_types import JsonObject
from ..store.artifacts import ARTIFACTS

__all__ = ["AUTO", "OPTION_ALIASES", "STORED_PICTURE", "StepOptionValues", "StepOptions", "is_picture_file"]

AUTO = "auto"
"""The value of feather_px that chooses the width by the gate."""

STORED_PICTURE = re.compile(rf"({'|'.join(REFERENCE_KINDS)}):([0-9a-f]{{64}})")
"""Pattern for the name of a stored picture: its kind and the hash of its pixels."""

OPTION_ALIASES = {"scaffold": "scaffold_fill", "soften": "soften_px", "reference": "references"}
"""Names of options on the command line, in arms and in plans that differ from the fields."""


class StepOptionValues(TypedDict, total=False):
    """Some options of a step by name: the fields of `StepOptions`."""

    candidates: int
    feather_px: int | str
    calibrate: bool
    gate: float | None
    metric: str
    scaffold_fill: str
    continuation_cue: bool
    prompt_strength: int
    artifacts: str
    soften_px: int
    soften_seed: bool
    soft_mask: bool
    anchor: float
    close: bool
    references: Sequence[str]
    scaffold_offset_px: int


@dataclass(frozen=True)
class StepOptions:
    """The options of a step.

    Attributes:
        candidates: number of tiles in a request, 1 to 10.
        feather_px: width in pixels of the feather beyond the seam, 0 for none, at most advance_px; "auto" for the
            narrowest of 0, 16, 32 and 64 with which a candidate passes the gate.
        calibrate: correct the model's drift before enforcement.
        gate: factor of the relative gate; None glues the best candidate without a veto, whatever its score.
        metric: the metric that chooses the candidate: "primary", or another one of the scorer.
        scaffold_fill: fill of the generated half in the reference tile: one of SCAFFOLD_FILLS, or a picture file that
            is scaled to the tile's size across and begins at the seam.
        scaffold_offset_px: pixels of that picture, at that scale, that lie before the seam.
        continuation_cue: draw marks at the seam inside the conditioning half of the reference tile.
        prompt_strength: amount of text around the user prompt, 0 to 3.
        references: reference pictures of the request: "seed" (the middle of the seed picture), "map" (the scaled-down
            canvas, with the tile framed), or picture files.
        anchor: largest share, 0 to 1, of the deviation in style from the seed picture that a step corrects; 0 for none.
        artifacts: "full", "lean" (answers and the chosen candidate's files) or "none" (answers and the strip).
        soften_px: width of the zone at the far end that the step leaves pending, so that the next step may cut inside
            it; 0 for none, at most `TileContract.max_soften_px`.
        soften_seed: let the first step at an end of the seed picture cut inside its last soften_px.
        soft_mask: ramp the mask from keep to edit over the pending zone.
        close: close the canvas to a loop: fill the gap between its two ends, and leave nothing pending.

    Raises:
        UsageError: a value is outside its range, or an option does not exist.
    """

    candidates: int = 3
    feather_px: int | str = 0
    calibrate: bool = True
    gate: float | None = DEFAULT_GATE
    metric: str = "primary"
    scaffold_fill: str = "grey"
    continuation_cue: bool = False
    prompt_strength: int = 1
    artifacts: str = "full"
    soften_px: int = 0
    soften_seed: bool = False
    soft_mask: bool = False
    anchor: float = 0.0
    close: bool = False
    references: tuple[str, ...] = ()
    scaffold_offset_px: int = 0

    def __post_init__(self) -> None:
        if problems := list(self._problems()):
            raise UsageError("; ".join(problems))

    def _problems(self) -> Iterator[str]:  # noqa: C901 (one case for each option)
        """A message for each invalid value; types are checked first."""
        if not _is_whole(self.candidates) or not 1 <= self.candidates <= 10:
            yield f"candidates must be 1 to 10, not {self.candidates!r}"
        if self.feather_px != AUTO and not (_is_whole(self.feather_px) and int(self.feather_px) >= 0):
            yield f"feather_px must be 0 or more, in whole pixels, or {AUTO}, not {self.feather_px!r}"
        if self.gate is not None and not (_is_number(self.gate) and 0 < self.gate < math.inf):
            yield f"gate must be a factor above 0, or None for no gate, not {self.gate!r}"
        if self.metric not in METRICS:
            yield f"unknown metric {self.metric!r}: use one of {', '.join(METRICS)}"
        if self.scaffold_fill not in SCAFFOLD_FILLS and not _is_picture(self.scaffold_fill):
            fills = ", ".join(SCAFFOLD_FILLS)
            yield f"unknown scaffold_fill {self.scaffold_fill!r}: use one of {fills}, or a picture file"
        if not _is_whole(self.prompt_strength) or self.prompt_strength not in PROMPT_STRENGTHS:
            yield f"prompt_strength must be 0 to 3, not {self.prompt_strength!r}"
        if self.artifacts not in ARTIFACTS:
            yield f"unknown artifacts {self.artifacts!r}: use one of {', '.join(ARTIFACTS)}"
        if not _is_whole(self.soften_px) or self.soften_px < 0:
            yield f"soften_px must be 0 or more, in whole pixels, not {self.soften_px!r}"
        yield from self._reference_problems()
        if not _is_whole(self.scaffold_offset_px) or self.scaffold_offset_px < 0:
            yield f"scaffold_offset_px must be 0 or more, in whole pixels, not {self.scaffold_offset_px!r}"
        elif self.scaffold_offset_px and self.scaffold_fill in SCAFFOLD_FILLS:
            yield "scaffold_offset_px needs a picture file as scaffold_fill"
        if self.close is True and self.scaffold_fill not in SCAFFOLD_FILLS:
            yield f"a step that closes a loop takes no picture as scaffold_fill: use one of {', '.join(SCAFFOLD_FILLS)}"
        for name in ("calibrate", "continuation_cue", "soften_seed", "soft_mask", "close"):
            if not isinstance(value := getattr(self, name), bool):
                yield f"{name} must be True or False, not {value!r}"
        if not _is_number(self.anchor) or not 0 <= self.anchor <= 1:
            yield f"anchor must be a share from 0 to 1, not {self.anchor!r}"
        if self.soften_seed is True and self.soften_px == 0:
            yield "soften_seed needs soften_px, the width of the zone inside the seed picture"
        if self.close is True and self.soften_px:
            yield "a step that closes a loop leaves nothing pending: omit soften_px"

    def _reference_problems(self) -> Iterator[str]:
        if not isinstance(self.references, tuple):
            yield f"references must be a list of seed, map or picture files, not {self.references!r}"
            return
        for name in self.references:
            if not _is_reference(name):
                yield f"a reference must be seed, map or a picture file, not {name!r}"
        names = [name for name in self.references if isinstance(name, str)]
        for name in sorted({name for name in names if names.count(name) > 1}):
            if STORED_PICTURE.fullmatch(name) is None:  # a record of an older version may hold one twice
                yield f"reference {name} is named twice: name it once, since each costs tokens"

    def require_fits(self, contract: TileContract) -> None:
        """Check the widths against the sizes of a session.

        Raises:
            UsageError: a zone is wider than the contract allows, or the contract has no room to close a loop.
        """
        contract = self.step_contract(contract)
        if self.feather_px != AUTO and int(self.feather_px) > contract.advance_px:
            raise UsageError(f"feather_px {self.feather_px} is wider than the strip of {contract.advance_px} px")
        contract.require_soften(self.soften_px)

    def step_contract(self, contract: TileContract) -> TileContract:
        """The sizes of a step with these options in a session with `contract`.

        Raises:
            UsageError: the step closes a loop, and the contract has no room for it.
        """
        return contract.closing if self.close else contract

    @property
    def picture_files(self) -> list[str]:
        """The picture files in the options; pictures stored in the session are not among them."""
        return [name for name in (*self.references, self.scaffold_fill) if is_picture_file(name)]

    @classmethod
    def from_values(cls, values: Mapping[str, object]) -> StepOptions:
        """Options from names and values of a caller or a record.

        Raises:
            UsageError: names are unknown or values invalid; the message lists all of them.
        """
        known_names = {option.name for option in fields(cls)}
        names = ", ".join(sorted(known_names))
        references = values.get("references")
        if isinstance(references, list):
            values = {**values, "references": tuple(references)}
        problems = [f"unknown step option {name!r}: use one of {names}" for name in sorted(set(values) - known_names)]
        try:
            options = cls(**cast(JsonObject, {name: values[name] for name in values if name in known_names}))
        except UsageError as error:
            problems.append(str(error))
        if problems:
            raise UsageError("; ".join(problems))
        return options

    def as_dict(self) -> JsonObject:
        """The options as stored in records, which omit options newer than 0.1.0 at their defaults."""
        return {name: value for name, value in self.values().items() if name not in _LATER or value != _LATER[name]}

    def values(self) -> StepOptionValues:
        """Every option by name, in JSON types."""
        return cast(StepOptionValues, {**asdict(self), "references": list(self.references)})


_LATER = {
    "soften_px": 0,
    "soften_seed": False,
    "soft_mask": False,
    "anchor": 0.0,
    "close": False,
    "references": [],
    "scaffold_offset_px": 0,
}
"""Options that records of version 0.1.0 do not have, with their defaults."""


def is_picture_file(name: str) -> bool:
    """Whether `name` is the path of a picture file: it has a suffix or a folder."""
    return STORED_PICTURE.fullmatch(name) is None and (PurePath(name).suffix != "" or PurePath(name).name != name)


def _is_picture(name: object) -> bool:
    return isinstance(name, str) and (STORED_PICTURE.fullmatch(name) is not None or is_picture_file(name))


def _is_reference(name: object) -> bool:
    return name in ("seed", "map") or _is_picture(name)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
