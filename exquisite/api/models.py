"""The registry of models: accepted options and sizes, prices, and shutdown dates.

The entries were collected on `COLLECTED`; prices and token counts name their source. When one of them is assumed, the
worst case that is reserved before a call is doubled. Estimates serve the question before paying; the bill follows from
the `usage` that the server states.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import product
from types import MappingProxyType
from typing import Literal

from ..contract import CLASSIC, TileContract
from ..errors import UsageError
from .prices import Prices, Source

__all__ = [
    "COLLECTED",
    "FREE",
    "GPT_MODEL_AUTHORITY",
    "MODELS",
    "MODEL_DEFAULT",
    "QUALITY_DEFAULT",
    "RETIRES_SOON_DAYS",
    "CallContent",
    "Model",
    "ModelStatus",
    "SizeRule",
    "check_model",
    "check_options",
    "estimate_usd",
    "usage_usd",
    "worst_case_usd",
]

MODEL_DEFAULT = "gpt-image-2.6-sunburst"
"""The default model: the one for precise edits."""

GPT_MODEL_AUTHORITY = MODEL_DEFAULT
"""The model that the documents name; the same object as the default, so that both always agree."""

ModelStatus = Literal["active", "retiring", "retired"]
"""The availability of a model; see `Model.status`."""

QUALITY_DEFAULT = "high"
"""The default quality of a request."""

COLLECTED = date(2026, 11, 22)
"""Date of the entries."""

RETIRES_SOON_DAYS = 30
"""Number of days before the shutdown of a model from which on its use gives a warning."""

FREE = "free"
"""Value in place of a model's name, in all functions that compute costs: the server is free."""

Size = tuple[int, int]

_UNVERIFIED_FACTOR = 2  # safety margin on a worst case whose prices or token counts are assumed
_MILLION = 1_000_000  # tokens, for which prices are stated
_PICTURES_MAX = 16  # OpenAI, "Create image edit": up to 16 images
_RATIO_WEIGHT = 16  # keeps a square a square when the rule allows one of similar size
_PATCH_PX = 32  # edge of a square of an input picture that counts as one token


@dataclass(frozen=True)
class SizeRule:
    """The sizes that a model accepts: a list, or a rule for edges and areas.

    Attributes:
        named: the allowed sizes as "WxH"; empty when the rule applies.
        multiple_px: both edges must be multiples of this.
        edge_max_px: largest length of an edge.
        pixels_min, pixels_max: limits of width times height.
        ratio_max: largest ratio of the longer edge to the shorter one.
    """

    named: tuple[str, ...] = ()
    multiple_px: int = 16
    edge_max_px: int = 3840
    pixels_min: int = 655_360
    pixels_max: int = 8_294_400
    ratio_max: int = 3

    def broken_by(self, size: tuple[int, int]) -> str:
        """Describe the rule that `size` (width, height) in pixels violates; "" for an allowed size."""
        width, height = size
        if self.named:
            return "" if f"{width}x{height}" in self.named else f"only {', '.join(self.named)}"
        if width % self.multiple_px or height % self.multiple_px:
            return f"both edges must be multiples of {self.multiple_px}"
        if max(size) > self.edge_max_px:
            return f"no edge above {self.edge_max_px}"
        if not self.pixels_min <= width * height <= self.pixels_max:
            return f"between {self.pixels_min} and {self.pixels_max} pixels"
        if max(size) > self.ratio_max * min(size):
            return f"at most {self.ratio_max}:1"
        return ""

    def nearest(self, size: tuple[int, int]) -> tuple[int, int]:
        """The allowed size nearest to `size` (width, height) in pixels; a change of the ratio counts most.

        It minimizes a² + b² + 16 (a - b)² with a = ln(width / target width) and b = ln(height / target height).
        """

        def stretch(allowed: tuple[int, int]) -> float:
            a, b = (math.log(edge / target) for edge, target in zip(allowed, size, strict=True))
            return a * a + b * b + _RATIO_WEIGHT * (a - b) ** 2

        edges = range(self.multiple_px, self.edge_max_px + 1, self.multiple_px)
        sizes = [tuple(map(int, name.split("x"))) for name in self.named] or product(edges, edges)
        return min(((width, height) for width, height in sizes if not self.broken_by((width, height))), key=stretch)


@dataclass(frozen=True)
class Model:
    """One entry of the registry.

    Attributes:
        name: its name in requests.
        note: short description.
        released: release date; None when unknown.
        shutdown: first day without answers; None when none is announced.
        replacement: the model to use instead.
        qualities: allowed values of `quality`.
        complexities: allowed values of `complexity`; empty when the model refuses the field.
        input_fidelities: allowed values of `input_fidelity`; empty when the model refuses the field.
        sizes: the rule for `size`.
        pictures_max: pictures that one request may hold, the reference tile among them and the mask not.
        prices: USD per million tokens.
        prices_source: source of the prices.
        output_tokens: quality -> tokens of one picture of the classic size. "auto" may take as many as the dearest.
        tokens_source: source of the token counts.
    """

    name: str
    note: str
    qualities: tuple[str, ...]
    prices: Prices
    prices_source: Source
    output_tokens: Mapping[str, int]
    tokens_source: Source
    released: date | None = None
    shutdown: date | None = None
    replacement: str = MODEL_DEFAULT
    complexities: tuple[str, ...] = ()
    input_fidelities: tuple[str, ...] = ()
    sizes: SizeRule = SizeRule()
    pictures_max: int = _PICTURES_MAX

    @property
    def verified(self) -> bool:
        """Whether prices and token counts are published, not assumed."""
        return not (self.prices_source.assumed or self.tokens_source.assumed)

    def status(self, today: date) -> ModelStatus:
        """"active", "retiring" (within RETIRES_SOON_DAYS) or "retired"."""
        if self.shutdown is None:
            return "active"
        days = (self.shutdown - today).days
        return "retired" if days <= 0 else "retiring" if days <= RETIRES_SOON_DAYS else "active"


_MODEL_PAGES = Source("OpenAI's model pages", COLLECTED)
_PRICES_2 = Prices(Decimal(5), Decimal(8), Decimal(30))  # _MODEL_PAGES
_PRICES_1 = Prices(Decimal(5), Decimal(8), Decimal(32))  # _MODEL_PAGES
_LEVELS = ("low", "medium", "high")  # the output tokens below are those of a tile of 1024 px: _MODEL_PAGES
_TOKENS_25 = MappingProxyType({"low": 196, "medium": 439, "high": 1756, "xhigh": 3122, "max": 7024})
_TOKENS_2 = MappingProxyType({"low": 196, "medium": 1756, "high": 7024})
_TOKENS_1 = MappingProxyType({"low": 272, "medium": 1056, "high": 4160})

_SUNBURST_25 = Model(
    "gpt-image-2.5-sunburst",
    "precise edits",
    qualities=(*_TOKENS_25, "auto"),
    prices=_PRICES_2,
    prices_source=_MODEL_PAGES,
    output_tokens=_TOKENS_25,
    tokens_source=_MODEL_PAGES,
)
_SUNBURST_26 = replace(
    _SUNBURST_25,
    name="gpt-image-2.6-sunburst",
    tokens_source=Source("those of gpt-image-2.5", COLLECTED, assumed=True),
    released=date(2026, 11, 4),
    complexities=_LEVELS,
)
_IMAGE_2 = replace(
    _SUNBURST_25,
    name="gpt-image-2",
    note="the first of the second generation",
    qualities=(*_TOKENS_2, "auto"),
    output_tokens=_TOKENS_2,
)
_IMAGE_15 = replace(
    _SUNBURST_25,
    name="gpt-image-1.5",
    note="three fixed sizes",
    qualities=(*_LEVELS, "auto"),
    prices=_PRICES_1,
    output_tokens=_TOKENS_1,
    tokens_source=Source("those of gpt-image-1", COLLECTED, assumed=True),
    shutdown=date(2026, 12, 1),
    input_fidelities=("high", "low"),
    sizes=SizeRule(named=("1024x1024", "1536x1024", "1024x1536")),
)
_RETIRED = replace(_IMAGE_15, note="no longer answers", input_fidelities=())

MODELS: Mapping[str, Model] = MappingProxyType(
    {
        model.name: model
        for model in (
            _SUNBURST_26,
            replace(_SUNBURST_26, name="gpt-image-2.6-flare", note="fast"),
            _SUNBURST_25,
            replace(_SUNBURST_25, name="gpt-image-2.5-sunburst-2026-09-08", released=date(2026, 9, 8)),
            replace(_SUNBURST_25, name="gpt-image-2.5-flare", note="fast"),
            replace(_SUNBURST_25, name="gpt-image-2.5-flare-2026-09-08", note="fast", released=date(2026, 9, 8)),
            _IMAGE_2,
            replace(_IMAGE_2, name="gpt-image-2-2026-04-21", released=date(2026, 4, 21)),
            _IMAGE_15,
            replace(_IMAGE_15, name="gpt-image-1.5-2025-12-16", released=date(2025, 12, 16)),
            replace(_IMAGE_15, name="gpt-image-1-mini", note="small", input_fidelities=("low",)),
            replace(_IMAGE_15, name="chatgpt-image-latest", note="whatever the chat uses", input_fidelities=()),
            replace(_RETIRED, name="gpt-image-1", shutdown=date(2026, 10, 23)),
            replace(_RETIRED, name="dall-e-2", shutdown=date(2026, 5, 12), pictures_max=1),
            replace(_RETIRED, name="dall-e-3", shutdown=date(2026, 5, 12)),
        )
    }
)
"""All models by name, the best first."""


def check_model(name: str, today: date, custom_base_url: bool = False) -> str:
    """Check a model name; return a warning when the model is shut down soon, else "".

    With a custom base URL every name is allowed, because other servers have other models.

    Raises:
        UsageError: the model is retired or unknown; the message names a replacement.
    """
    if custom_base_url:
        return ""
    model = MODELS.get(name)
    if model is None:
        active = [other.name for other in MODELS.values() if other.status(today) == "active"]
        close = difflib.get_close_matches(name, active, n=1)
        hint = f"did you mean {close[0]}?" if close else f"use one of {', '.join(active)}"
        raise UsageError(f"unknown model {name!r}: {hint} (any name is allowed with a base URL of your own)")
    status = model.status(today)
    if status == "retired":
        raise UsageError(f"{name} was shut down on {model.shutdown}: use {model.replacement} instead")
    if status == "retiring":
        return f"{name} is shut down on {model.shutdown}: change to {model.replacement} before"
    return ""


def check_options(  # noqa: PLR0913 (the properties of a request that a model restricts)
    name: str,
    tile_size: tuple[int, int],
    *,
    quality: str = QUALITY_DEFAULT,
    complexity: str | None = None,
    input_fidelity: str | None = None,
    pictures: int = 1,
) -> None:
    """Check a tile's (width, height) in pixels, options and the number of pictures; unknown models have no rules.

    Raises:
        UsageError: the message lists all violations, and the nearest size that the model accepts.
    """
    model = MODELS.get(name)
    if model is None:
        return
    broken = []
    if rule := model.sizes.broken_by(tile_size):
        width, height = model.sizes.nearest(tile_size)
        broken.append(
            f"a tile of {tile_size[0]}x{tile_size[1]} is not accepted ({rule}); the nearest size is {width}x{height}"
        )
    if pictures > model.pictures_max:
        broken.append(
            f"{pictures} pictures are more than the {model.pictures_max} of a request; the tile is one of them, so "
            f"leave out {pictures - model.pictures_max} of the {pictures - 1} references"
        )
    for option, value, allowed in (
        ("quality", quality, model.qualities),
        ("complexity", complexity, model.complexities),
        ("input_fidelity", input_fidelity, model.input_fidelities),
    ):
        if value is not None and value not in allowed:
            broken.append(f"{option}={value!r} must be " + (f"one of {', '.join(allowed)}" if allowed else "left out"))
    if broken:
        raise UsageError(f"{name}: " + "; ".join(broken))


@dataclass(frozen=True)
class CallContent:
    """What one call sends, as far as it decides the price.

    Attributes:
        contract: the sizes of the tile.
        prompt: the full prompt.
        references: (width, height) of each reference picture, in pixels.
    """

    contract: TileContract = CLASSIC
    prompt: str = ""
    references: Sequence[Size] = ()


def estimate_usd(model: str, quality: str, n: int, content: CallContent = CallContent()) -> Decimal:
    """Estimate the cost of one call for `n` tiles, in USD. Four characters of the prompt count as a token.

    `model` is a name of the registry, `FREE`, or `str` of `Prices`: the tokens of `MODEL_DEFAULT` at these prices. Any
    other name is estimated as `MODEL_DEFAULT`.
    """
    text_tokens = -(-len(content.prompt) // 4)
    pictures = [_tile(content.contract), *content.references]
    return _usd(model, text_tokens, pictures, n, _output_tokens(model, quality, n, content.contract))


def worst_case_usd(model: str, quality: str, n: int, content: CallContent = CallContent()) -> Decimal:
    """The largest possible cost of one call for `n` tiles, in USD, which is reserved before the call is sent.

    Every byte of the prompt counts as a token, and the mask as a second picture; assumed prices count twice.
    """
    text_tokens = len(content.prompt.encode("utf-8", "replace"))
    tile, output_tokens = _tile(content.contract), _output_tokens(model, quality, n, content.contract)
    usd = _usd(model, text_tokens, [tile, tile, *content.references], n, output_tokens)
    entry = _priced(model)
    return usd if entry.verified or entry.prices.per_picture else usd * _UNVERIFIED_FACTOR


def usage_usd(model: str, usage: Mapping[str, object]) -> Decimal | None:
    """The cost of one answer according to the token counts of the server, in USD; None without counts.

    `model` is as for `estimate_usd`; None also when prices are per picture. Input tokens without details count as
    picture tokens, which cost more.
    """
    if model == FREE:
        return Decimal(0)
    tokens_in, tokens_out = usage.get("input_tokens"), usage.get("output_tokens")
    if not isinstance(tokens_in, int) or not isinstance(tokens_out, int):
        return None
    details = usage.get("input_tokens_details")
    text = details.get("text_tokens", 0) if isinstance(details, Mapping) else 0
    text = min(text, tokens_in) if isinstance(text, int) else 0
    prices = _priced(model).prices
    if prices.per_picture:
        return None
    return (text * prices.text_in + (tokens_in - text) * prices.image_in + tokens_out * prices.image_out) / _MILLION


@cache
def _priced(model: str) -> Model:
    """The entry with the prices and token counts for `model`."""
    default = MODELS[MODEL_DEFAULT]
    try:
        return replace(default, prices=Prices.parse(model))
    except UsageError:  # not a text of prices, but a name
        return MODELS.get(model, default)


def _tile(contract: TileContract) -> Size:
    """(along, across) of a tile in pixels."""
    return contract.tile_px, contract.across_px


def _output_tokens(model: str, quality: str, n: int, contract: TileContract) -> int:
    """Tokens of `n` tiles; "auto" may be the dearest quality."""
    by_quality = _priced(model).output_tokens
    tokens = by_quality.get(quality, max(by_quality.values()))
    return n * -(-tokens * contract.tile_area // CLASSIC.tile_area)


def _usd(model: str, text_tokens: int, pictures: Sequence[Size], n: int, output_tokens: int) -> Decimal:
    """The cost of a call that sends `pictures`, by their (width, height) in pixels, and brings `n` tiles."""
    if model == FREE:
        return Decimal(0)
    prices = _priced(model).prices
    patches = sum(-(-width // _PATCH_PX) * -(-height // _PATCH_PX) for width, height in pictures)
    tokens_usd = text_tokens * prices.text_in + patches * prices.image_in + output_tokens * prices.image_out
    return tokens_usd / _MILLION + n * prices.per_picture
