"""The rules of the images/edits endpoint, independent of the client's registry.

A client that leaves out what the endpoint would guess is refused too: its defaults disagree between sources.
"""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

from PIL import Image

from exquisite.api.multipart import Part, parse_multipart
from exquisite.errors import UsageError

from .emulator_flavours import Flavour

__all__ = ["MODELS", "Edit", "ModelRules", "Refusal", "check_edit", "error_body"]

PICTURE_BYTES_MAX = 50 * 2**20
MASK_BYTES_MAX = 4 * 2**20
PICTURES_MAX = 16
PROMPT_MAX = 32_000
_TYPES = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP"}
_EXPLICIT = ("prompt", "model", "n", "size", "quality", "background", "output_format")
_CHOICES = {
    "background": ("opaque", "transparent", "auto"),
    "output_format": ("png", "webp", "jpeg", "gif", "svg"),
    "moderation": ("low", "auto"),
}


@dataclass(frozen=True)
class ModelRules:
    """What one model accepts and costs: USD per million tokens of text in, picture in, picture out."""

    output_tokens: Mapping[str, int]
    usd: tuple[int, int, int] = (5, 8, 30)
    complexities: tuple[str, ...] = ()
    input_fidelities: tuple[str, ...] = ()
    fixed_sizes: bool = False
    shut_down: bool = False


_TOKENS_25 = {"low": 196, "medium": 439, "high": 1756, "xhigh": 3122, "max": 7024, "auto": 7024}
_TOKENS_2 = {"low": 196, "medium": 1756, "high": 7024, "auto": 7024}
_TOKENS_1 = {"low": 272, "medium": 1056, "high": 4160, "auto": 4160}
_LEVELS = ("low", "medium", "high")
_FIXED_SIZES = ("1024x1024", "1536x1024", "1024x1536")

MODELS: Mapping[str, ModelRules] = {
    "gpt-image-2.6-sunburst": ModelRules(_TOKENS_25, complexities=_LEVELS),
    "gpt-image-2.6-flare": ModelRules(_TOKENS_25, complexities=_LEVELS),
    "gpt-image-2.5-sunburst": ModelRules(_TOKENS_25),
    "gpt-image-2.5-flare": ModelRules(_TOKENS_25),
    "gpt-image-2.5-sunburst-2026-09-08": ModelRules(_TOKENS_25),
    "gpt-image-2.5-flare-2026-09-08": ModelRules(_TOKENS_25),
    "gpt-image-2": ModelRules(_TOKENS_2),
    "gpt-image-2-2026-04-21": ModelRules(_TOKENS_2),
    "gpt-image-1.5": ModelRules(_TOKENS_1, (5, 8, 32), input_fidelities=("high", "low"), fixed_sizes=True),
    "gpt-image-1-mini": ModelRules(_TOKENS_1, (5, 8, 32), input_fidelities=("low",), fixed_sizes=True),
    "gpt-image-1": ModelRules({}, shut_down=True),
    "dall-e-2": ModelRules({}, shut_down=True),
    "dall-e-3": ModelRules({}, shut_down=True),
}
"""The models on 2026-11-22."""


@dataclass(frozen=True)
class Edit:
    """A request that keeps every rule.

    Attributes:
        fields: the text fields.
        model: its name, from the field or the path.
        image: the first picture, which is edited.
        references: the pictures after it.
        mask: the mask, or None.
        size: (width, height) asked for, in pixels.
        n: how many pictures.
    """

    fields: Mapping[str, str]
    model: str
    image: Image.Image
    mask: Image.Image | None
    size: tuple[int, int]
    n: int
    references: tuple[Image.Image, ...] = ()


@dataclass
class Refusal(Exception):
    """A rule is broken: the status and the members of the documented error object."""

    status: int
    message: str
    code: str | None = None
    param: str | None = None
    kind: str = "invalid_request_error"


def error_body(refusal: Refusal, flavour: Flavour) -> object:
    """The JSON of `refusal` in the shape of `flavour`."""
    if flavour.errors == "string":
        return {"error": refusal.message}
    if flavour.errors == "detail":
        return {"detail": refusal.message}
    return {
        "error": {"message": refusal.message, "type": refusal.kind, "param": refusal.param, "code": refusal.code}
    }


def check_edit(
    flavour: Flavour,
    method: str,
    target: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    api_key: str,
    any_size: bool = False,
) -> Edit:
    """The edit that a request asks for. `target` is path and query; names of `headers` are in lower case.

    Raises:
        Refusal: the first rule that is broken.
    """
    path, _, query = target.partition("?")
    route = flavour.match(path)
    if route is None:
        raise Refusal(404, f"Invalid URL ({method} {path})")
    if method != "POST":
        raise Refusal(405, f"Not allowed to {method} on {path}. (HINT: perhaps you meant to use POST?)")
    for name in flavour.query:
        if name not in parse_qs(query):
            raise Refusal(404, "Resource not found", code="404")
    _check_key(flavour, headers, api_key)
    try:
        parts = parse_multipart(body, headers.get("content-type", ""))
    except UsageError as error:
        raise Refusal(400, f"Could not parse the body: {error}", code="invalid_multipart") from None
    for part in parts:
        if part.name in flavour.refuses:
            raise Refusal(400, f"Unknown parameter: '{part.name}'.", "unknown_parameter", part.name)
    fields, pictures, mask = _sorted_out(parts, flavour)
    model = route.groupdict().get("model") or fields.get("model", "")
    if flavour.strict:
        _check_fields(fields, ModelName(model, in_path="model" in route.groupdict()), flavour.refuses)
        size = _size(fields["size"], None if any_size else MODELS[model])
    else:
        if not fields.get("prompt"):
            raise Refusal(400, "prompt required")
        size = _size(fields.get("size", ""), None)
    image, *others = (_picture(picture, "image") for picture in pictures)
    transparency = None
    if mask is not None:
        transparency = _mask(mask, image.size, flavour)
    further = tuple(picture.convert("RGB") for picture in others)
    return Edit(fields, model, image.convert("RGB"), transparency, size, _count(fields.get("n", "1")), further)


@dataclass(frozen=True)
class ModelName:
    """The name of a model, and whether the path gave it."""

    name: str
    in_path: bool


def _check_key(flavour: Flavour, headers: Mapping[str, str], api_key: str) -> None:
    if flavour.auth is None:
        return
    key = headers.get(flavour.auth, "")
    expected = f"Bearer {api_key}" if flavour.auth == "authorization" else api_key
    if key == expected:
        return
    if flavour.auth == "api-key":
        raise Refusal(401, "Access denied due to invalid subscription key or wrong API endpoint.", code="401")
    what = "Incorrect API key provided." if key else "You didn't provide an API key."
    raise Refusal(401, what, code="invalid_api_key" if key else None)


def _sorted_out(parts: tuple[Part, ...], flavour: Flavour) -> tuple[dict[str, str], list[Part], Part | None]:
    """(text fields, pictures, mask)."""
    fields: dict[str, str] = {}
    files: dict[str, list[Part]] = {"image": [], "image[]": [], flavour.mask_field: []}
    for part in parts:
        if part.name in files:
            files[part.name].append(part)
            continue
        if part.filename is not None or part.content_type is not None:
            raise Refusal(400, f"Text part {part.name!r} has a file name or a type.", "invalid_type", part.name)
        if part.name in fields:
            raise Refusal(400, f"Duplicate parameter: '{part.name}'.", "duplicate_parameter", part.name)
        fields[part.name] = part.content.decode("utf-8")
    if files["image"] and files["image[]"]:
        raise Refusal(400, "Use either 'image' or 'image[]', not both.", "invalid_value", "image")
    pictures, masks = files["image"] + files["image[]"], files[flavour.mask_field]
    if not pictures:
        raise Refusal(400, "Missing required parameter: 'image'.", "missing_required_parameter", "image")
    if len(pictures) > PICTURES_MAX:
        raise Refusal(400, f"Too many images: {len(pictures)} of at most {PICTURES_MAX}.", "invalid_value", "image")
    if len(files["image"]) > 1 or len(masks) > 1:
        raise Refusal(400, "Duplicate parameter: 'image' or 'mask'.", "duplicate_parameter", "image")
    return fields, pictures, masks[0] if masks else None


def _check_fields(fields: Mapping[str, str], model: ModelName, refuses: tuple[str, ...]) -> None:
    for name in _EXPLICIT:
        if name not in fields and name not in refuses and not (name == "model" and model.in_path):
            raise Refusal(400, f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    rules = MODELS.get(model.name)
    if rules is None or rules.shut_down:
        why = "has been deprecated" if rules else "does not exist or you do not have access to it"
        raise Refusal(404, f"The model `{model.name}` {why}.", "model_not_found", "model")
    names = {*_EXPLICIT, *_CHOICES, "output_compression", "stream", "partial_images", "user"}
    if model.in_path:
        names.remove("model")
    allowed = {**_CHOICES, "quality": tuple(rules.output_tokens)}
    for name, values in (("complexity", rules.complexities), ("input_fidelity", rules.input_fidelities)):
        if values:
            names.add(name)
            allowed[name] = values
    if "input_fidelity" in fields and not rules.input_fidelities:
        message = f"The model '{model.name}' does not support the 'input_fidelity' parameter."
        raise Refusal(400, message, "invalid_input_fidelity_model", "input_fidelity")
    for name in fields:
        if name not in names:
            raise Refusal(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
    for name, values in allowed.items():
        if name in fields and fields[name] not in values:
            choices = ", ".join(f"'{value}'" for value in values)
            message = f"Invalid value: '{fields[name]}'. Supported values are: {choices}."
            raise Refusal(400, message, "invalid_value", name)
    if not 1 <= len(fields["prompt"]) <= PROMPT_MAX:
        raise Refusal(400, f"'prompt' must have 1 to {PROMPT_MAX} characters.", "invalid_value", "prompt")
    if "output_compression" in fields and fields["output_format"] not in ("webp", "jpeg"):
        raise Refusal(400, "Compression is for webp and jpeg only.", "invalid_value", "output_compression")
    if fields.get("stream", "false") != "false" and (fields["n"], fields.get("partial_images")) != ("1", "0"):
        raise Refusal(400, "Streaming is emulated for one picture without previews.", "invalid_value", "stream")


def _size(text: str, rules: ModelRules | None) -> tuple[int, int]:
    match = re.fullmatch(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})", text)
    if not match:
        raise Refusal(400, f"Invalid size '{text}'.", "invalid_value", "size")
    width, height = int(match[1]), int(match[2])
    if rules is None:
        return width, height
    if rules.fixed_sizes:
        legal = text in _FIXED_SIZES
    else:
        legal = (
            width % 16 == height % 16 == 0
            and max(width, height) <= 3840
            and max(width, height) <= 3 * min(width, height)
            and 655_360 <= width * height <= 8_294_400
        )
    if not legal:
        raise Refusal(400, f"Invalid size '{text}' for this model.", "invalid_value", "size")
    return width, height


def _count(text: str) -> int:
    if not re.fullmatch(r"[1-9]|10", text):
        raise Refusal(400, f"Invalid 'n': '{text}' is not an integer from 1 to 10.", "invalid_value", "n")
    return int(text)


def _picture(part: Part, name: str) -> Image.Image:
    """The picture of a file part, which must be of its declared type."""
    if part.filename is None:
        raise Refusal(400, f"Invalid type for '{name}': expected a file.", "invalid_type", name)
    if part.content_type not in _TYPES:
        supported = "Supported file formats are 'image/jpeg', 'image/png', and 'image/webp'."
        message = f"Invalid file '{name}': unsupported mimetype ('{part.content_type}'). {supported}"
        raise Refusal(400, message, "unsupported_file_mimetype", name)
    if len(part.content) > PICTURE_BYTES_MAX:
        raise Refusal(400, f"'{name}' is larger than 50 MB.", "invalid_image_file", name)
    try:
        with Image.open(io.BytesIO(part.content), formats=(_TYPES[part.content_type],)) as image:
            image.load()
            return image.copy()
    except Exception:
        raise Refusal(400, f"Invalid image file for '{name}'.", "invalid_image_file", name) from None


def _mask(part: Part, size: tuple[int, int], flavour: Flavour) -> Image.Image:
    """The mask as mode L: 255 where the server will edit."""
    mask = _picture(part, "mask")
    if mask.size != size:
        message = f"Invalid mask image format - mask size {mask.size} does not match image size {size}"
        raise Refusal(400, message, "invalid_mask_image_format", "mask")
    if flavour.mask_reads == "luminance":
        return mask.convert("RGB").convert("L")
    if part.content_type != "image/png" or "A" not in mask.getbands():
        message = "Invalid mask image format - mask must be a PNG with an alpha channel"
        raise Refusal(400, message, "invalid_mask_image_format", "mask")
    if len(part.content) >= MASK_BYTES_MAX:
        raise Refusal(400, "Invalid mask - larger than 4 MB", "invalid_mask_image_format", "mask")
    if flavour.mask_reads == "nothing":
        return Image.new("L", size, 255)
    return mask.getchannel("A").point(lambda alpha: 255 - alpha)
