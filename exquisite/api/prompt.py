"""Builds the full prompt: the direction, what to keep, how to continue, and then the user prompt.

The default is short. `strength` adds sentences, for comparisons: longer prompts do not always give better results.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..contract import CLASSIC, Mode, TileContract
from ..errors import UsageError

__all__ = ["PROMPT_STRENGTHS", "PROMPT_STRENGTH_DEFAULT", "build_prompt", "check_words"]

PROMPT_STRENGTH_DEFAULT = 1
"""The default of PROMPT_STRENGTHS."""

PROMPT_STRENGTHS = (0, 1, 2, 3)
"""0: the direction and the user prompt. 1: also what to keep and how to continue. 2: also what to match.
3: also what to avoid."""

_OPPOSITE = {"right": "left", "left": "right", "bottom": "top", "top": "bottom"}
_REFERENCES = {
    "seed": "is the beginning of the same work",
    "map": "is a small map of the whole work, with a red frame around the part that the first picture shows",
    "file": "is a reference for style",
}
_TOWARDS = {"right": "to the right", "left": "to the left", "bottom": "downwards", "top": "upwards"}


def build_prompt(  # noqa: PLR0913 (the properties of a step in a prompt)
    mode: Mode | str,
    words: str = "",
    contract: TileContract = CLASSIC,
    strength: int = PROMPT_STRENGTH_DEFAULT,
    closes: bool = False,
    references: Sequence[str] = (),
) -> str:
    """The full prompt for one step in `mode`; it ends with the user prompt `words`.

    When the step `closes` a loop, the model must keep both ends of the tile, and `contract` is that of the closing
    step. `references` are the kinds of the reference pictures (`REFERENCE_KINDS`), in the order in which they are sent.
    The prompt describes each of them at every strength.

    Raises:
        UsageError: unknown mode or strength, or `words` that cannot be encoded as UTF-8.
    """
    check_words(words)
    if strength not in PROMPT_STRENGTHS or isinstance(strength, bool):
        raise UsageError(f"unknown prompt strength {strength!r}: use one of {', '.join(map(str, PROMPT_STRENGTHS))}")
    new = Mode(mode).direction
    old = _OPPOSITE[new]
    this = "the first picture" if references else "this picture"
    if closes:
        parts = f"the {old} {contract.band_px} and the {new} {contract.band_px} of {contract.tile_px} pixels"
        sentences = [f"Join the {old} and the {new} part of {this}."]
        areas = f"Keep {parts} exactly as they are; fill only the {contract.advance_px} pixels between them."
    else:
        sentences = [f"Extend {this} {_TOWARDS[new]}."]
        areas = (
            f"Keep {_part(old, contract.band_px, contract)} exactly as it is; "
            f"fill only {_part(new, contract.tile_px - contract.band_px, contract)}."
        )
    if strength >= 1:
        sentences += [
            areas,
            "Do not rescale; same framing and stroke thickness; continue every line that meets the edge.",
        ]
    if strength >= 2:
        sentences.append("Match style, palette, lighting, contrast, sharpness and density of detail of the kept part.")
    if strength >= 3:
        sentences.append(
            "The join must be invisible: no border, frame, gap, blur, mirrored or repeated content, "
            "no new perspective, no text that was not there."
        )
    sentences += [f"Picture {number} {_REFERENCES[kind]}." for number, kind in enumerate(references, start=2)]
    sentences += ["Match the style of the other pictures; copy nothing from them."] if references else []
    return " ".join([*sentences, words.strip()]).strip()


def check_words(words: str) -> str:
    """Return `words` unchanged when UTF-8 can encode them.

    Raises:
        UsageError: they contain lone surrogates, which Python makes of command-line bytes in another encoding.
    """
    try:
        words.encode("utf-8")
    except UnicodeEncodeError as error:
        raise UsageError(
            f"the prompt is no UTF-8 text from character {error.start + 1} on: save or type it as UTF-8"
        ) from None
    return words


def _part(side: str, length_px: int, contract: TileContract) -> str:
    """Name one side of the tile: a half, or its length in pixels."""
    if 2 * length_px == contract.tile_px:
        return f"the {side} half"
    return f"the {side} {length_px} of {contract.tile_px} pixels"
