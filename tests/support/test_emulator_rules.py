"""The emulator refuses what the endpoint refuses, with the documented error."""

from __future__ import annotations

import io
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import httpx
import pytest
from PIL import Image

from exquisite.api.models import MODELS as REGISTRY
from exquisite.api.models import usage_usd
from tests.support.emulator import EMULATOR_KEY, Emulator, MemoryTransport, emulator
from tests.support.emulator_core import usage_of, usd_of
from tests.support.emulator_rules import MODELS, Edit

SIZE = 64
FIELDS = {
    "model": "gpt-image-2.6-sunburst",
    "prompt": "Extend this picture to the right.",
    "n": "1",
    "size": f"{SIZE}x{SIZE}",
    "quality": "low",
    "background": "opaque",
    "output_format": "png",
}


def encode(image: Image.Image, kind: str = "PNG") -> bytes:
    """`image` as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


REFERENCE = ("reference.png", encode(Image.new("RGB", (SIZE, SIZE), (90, 90, 90))), "image/png")
MASK = ("mask.png", encode(Image.new("RGBA", (SIZE, SIZE), (255, 255, 255, 0))), "image/png")
FILES = [("image[]", REFERENCE), ("mask", MASK)]


def ask(
    server: Emulator,
    fields: dict[str, str | None] | None = None,
    files: Sequence[Any] | None = None,
    *,
    headers: dict[str, str] | None = None,
    url: str = "",
) -> httpx.Response:
    """A good request with `fields` changed (None: left out)."""
    data = {name: value for name, value in {**FIELDS, **(fields or {})}.items() if value is not None}
    headers = {"authorization": f"Bearer {EMULATOR_KEY}"} if headers is None else headers
    client = httpx.Client(transport=MemoryTransport(server), headers=headers)
    return client.post(url or server.base_url + "/images/edits", data=data, files=FILES if files is None else files)


def small(**options: Any) -> Emulator:
    """A strict emulator that accepts small tiles."""
    return emulator(flat=True, any_size=True, **options)


def test_a_good_request_is_answered_with_pictures_usage_and_its_options() -> None:
    response = ask(small(), {"n": "3"})
    content = response.json()
    assert response.status_code == 200
    assert len(content["data"]) == 3
    assert len({entry["b64_json"] for entry in content["data"]}) == 3
    assert content["usage"]["total_tokens"] == content["usage"]["input_tokens"] + content["usage"]["output_tokens"]
    assert {name: content[name] for name in ("size", "quality", "output_format")} == {
        name: FIELDS[name] for name in ("size", "quality", "output_format")
    }
    assert response.headers["x-request-id"] == "req_00000000"


BROKEN_FIELDS = [
    *(({name: None}, "missing_required_parameter", name) for name in FIELDS if name != "model"),
    ({"model": None}, "missing_required_parameter", "model"),
    ({"response_format": "b64_json"}, "unknown_parameter", "response_format"),
    ({"seed": "7"}, "unknown_parameter", "seed"),
    ({"input_fidelity": "high"}, "invalid_input_fidelity_model", "input_fidelity"),
    ({"model": "gpt-image-2", "complexity": "low"}, "unknown_parameter", "complexity"),
    ({"model": "gpt-image-2", "quality": "max"}, "invalid_value", "quality"),
    ({"model": "gpt-image-1-mini", "input_fidelity": "high"}, "invalid_value", "input_fidelity"),
    ({"complexity": "some"}, "invalid_value", "complexity"),
    ({"quality": "good"}, "invalid_value", "quality"),
    ({"background": "white"}, "invalid_value", "background"),
    ({"output_format": "bmp"}, "invalid_value", "output_format"),
    ({"output_compression": "50"}, "invalid_value", "output_compression"),
    ({"moderation": "none"}, "invalid_value", "moderation"),
    ({"stream": "true"}, "invalid_value", "stream"),
    ({"n": "0"}, "invalid_value", "n"),
    ({"n": "11"}, "invalid_value", "n"),
    ({"n": "two"}, "invalid_value", "n"),
    ({"prompt": ""}, "invalid_value", "prompt"),
    ({"prompt": "x" * 32_001}, "invalid_value", "prompt"),
    ({"size": "auto"}, "invalid_value", "size"),
    ({"size": "64"}, "invalid_value", "size"),
]


@pytest.mark.parametrize(("fields", "code", "param"), BROKEN_FIELDS)
def test_a_field_that_breaks_a_rule_is_named(fields: dict[str, str | None], code: str, param: str) -> None:
    server = small()
    response = ask(server, fields)
    assert response.status_code == 400
    error = response.json()["error"]
    assert (error["code"], error["param"], error["type"]) == (code, param, "invalid_request_error")
    assert server.billed_usd == 0
    assert server.calls[0].outcome == "refused"


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-2", "gpt-image-9", ""])
def test_a_model_that_is_shut_down_or_unknown_is_not_found(model: str) -> None:
    response = ask(small(), {"model": model})
    assert (response.status_code, response.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("size", "model", "legal"),
    [
        ("1024x1024", "gpt-image-2.6-sunburst", True),
        ("2048x2048", "gpt-image-2", True),
        ("3840x1280", "gpt-image-2", True),
        ("3840x1264", "gpt-image-2", False),
        ("3856x2048", "gpt-image-2", False),
        ("1030x1024", "gpt-image-2", False),
        ("800x800", "gpt-image-2", False),
        ("3840x2176", "gpt-image-2", False),
        ("1536x1024", "gpt-image-1.5", True),
        ("1280x1024", "gpt-image-1.5", False),
    ],
)
def test_sizes_follow_the_rule_of_the_model(size: str, model: str, legal: bool) -> None:
    response = ask(emulator(["no_images"], flat=True), {"size": size, "model": model})
    assert response.status_code == (200 if legal else 400)


def picture_files(image: Any = REFERENCE, mask: Any = MASK, name: str = "image[]") -> list[Any]:
    """The two files, changed."""
    return [entry for entry in ((name, image), ("mask", mask)) if entry[1] is not None]


RGB_MASK = ("mask.png", REFERENCE[1], "image/png")
SMALL_MASK = ("mask.png", encode(Image.new("RGBA", (8, 8))), "image/png")
BROKEN_FILES = [
    (picture_files(image=None), "missing_required_parameter", "image"),
    (picture_files(image=(*REFERENCE[:2], "application/octet-stream")), "unsupported_file_mimetype", "image"),
    (picture_files(image=(*REFERENCE[:2], "image/jpeg")), "invalid_image_file", "image"),
    (picture_files(image=("reference.png", REFERENCE[1][:80], "image/png")), "invalid_image_file", "image"),
    (picture_files(image=("reference.png", bytes(50 * 2**20 + 1), "image/png")), "invalid_image_file", "image"),
    ([*FILES, ("image", REFERENCE)], "invalid_value", "image"),
    ([*FILES, ("mask", MASK)], "duplicate_parameter", "image"),
    (picture_files(mask=RGB_MASK), "invalid_mask_image_format", "mask"),
    (picture_files(mask=SMALL_MASK), "invalid_mask_image_format", "mask"),
    (picture_files(mask=("mask.png", MASK[1] + bytes(4 * 2**20), "image/png")), "invalid_mask_image_format", "mask"),
    (picture_files(mask=("mask.webp", encode(Image.new("RGBA", (SIZE, SIZE)), "WEBP"), "image/webp")),
     "invalid_mask_image_format", "mask"),
    ([*FILES, ("user", ("user.txt", b"me", "text/plain"))], "invalid_type", "user"),
]  # fmt: skip


@pytest.mark.parametrize(("files", "code", "param"), BROKEN_FILES)
def test_a_file_that_breaks_a_rule_is_named(files: list[Any], code: str, param: str) -> None:
    response = ask(small(), files=files)
    assert response.status_code == 400
    assert (response.json()["error"]["code"], response.json()["error"]["param"]) == (code, param)


def test_one_picture_may_be_called_image() -> None:
    assert ask(small(), files=picture_files(name="image")).status_code == 200
    assert ask(small(), files=[("image", REFERENCE), *picture_files(name="image")]).status_code == 400
    assert ask(small(), files=[("image[]", REFERENCE), *FILES]).status_code == 200


def test_a_body_that_is_no_form_is_refused() -> None:
    server = small()
    client = httpx.Client(transport=MemoryTransport(server), headers={"authorization": f"Bearer {EMULATOR_KEY}"})
    url = server.base_url + "/images/edits"
    assert client.post(url, json=FIELDS).json()["error"]["code"] == "invalid_multipart"
    assert client.get(url).status_code == 405
    assert client.post(server.base_url + "/images/generations").status_code == 404


@pytest.mark.parametrize(
    ("flavour", "headers", "status"),
    [
        ("openai", {}, 401),
        ("openai", {"authorization": "Bearer another"}, 401),
        ("openai", {"api-key": EMULATOR_KEY}, 401),
        ("azure", {"authorization": f"Bearer {EMULATOR_KEY}"}, 401),
        ("azure", {"api-key": EMULATOR_KEY}, 200),
        ("azure-deployment", {"api-key": EMULATOR_KEY}, 404),
        ("sd-server", {}, 200),
    ],
)
def test_each_server_expects_the_key_in_its_own_header(flavour: str, headers: dict[str, str], status: int) -> None:
    assert ask(small(flavour=flavour), headers=headers).status_code == status


def test_azures_older_path_names_the_deployment_and_needs_a_version() -> None:
    server = small(flavour="azure-deployment")
    url = server.here + "/openai/deployments/gpt-image-2/images/edits?api-version=2025-04-01-preview"
    key = {"api-key": EMULATOR_KEY}
    assert ask(server, {"model": None}, headers=key, url=url).status_code == 200
    edit = server.calls[-1].edit
    assert edit is not None
    assert edit.model == "gpt-image-2"
    assert ask(server, headers=key, url=url).json()["error"]["code"] == "unknown_parameter"


@pytest.mark.parametrize(
    ("flavour", "body"),
    [
        ("sd-server", {"error": "prompt required"}),
        ("xinference", {"detail": "prompt required"}),
        (
            "sglang",
            {"error": {"message": "prompt required", "type": "invalid_request_error", "param": None, "code": None}},
        ),
    ],
)
def test_every_server_has_its_own_shape_of_an_error(flavour: str, body: object) -> None:
    assert ask(small(flavour=flavour), {"prompt": ""}).json() == body


def test_small_servers_take_unknown_fields_and_send_no_bill() -> None:
    server = small(flavour="xinference")
    fields = {"model": "sdxl", "response_format": "b64_json", "background": None, "steps": "20"}
    answer = ask(server, fields).json()
    assert "b64_json" in answer["data"][0]
    assert "usage" not in answer
    assert server.billed_usd == 0
    assert "url" in ask(server, {"model": "sdxl"}).json()["data"][0]


# --- money


def edit_of(model: str, quality: str, size: tuple[int, int] = (1024, 1024), n: int = 1) -> Edit:
    """An edit with a prompt of 400 characters."""
    fields = {"prompt": "x" * 400, "quality": quality}
    return Edit(fields, model, Image.new("RGB", size), None, size, n)


def test_three_tiles_cost_their_list_price() -> None:
    """1024 x 1024, prompt of 100 tokens: 100 x 5 + 1024 x 8 + 3 x 1756 x 30 per million."""
    usage = usage_of(edit_of("gpt-image-2.5-sunburst", "high"), 3)
    assert usage == {
        "input_tokens": 1124,
        "input_tokens_details": {"text_tokens": 100, "image_tokens": 1024},
        "output_tokens": 5268,
        "total_tokens": 6392,
    }
    assert usd_of("gpt-image-2.5-sunburst", usage) == Decimal("0.166732")


@pytest.mark.parametrize("model", [name for name, rules in MODELS.items() if not rules.shut_down])
def test_the_emulator_and_the_registry_agree_on_every_price(model: str) -> None:
    """Both tables are written independently, so that an error in one shows."""
    assert set(MODELS[model].output_tokens) == set(REGISTRY[model].qualities)
    for quality in MODELS[model].output_tokens:
        usage = usage_of(edit_of(model, quality), 2)
        assert usage_usd(model, usage) == usd_of(model, usage)
        tokens = REGISTRY[model].output_tokens.get(quality, max(REGISTRY[model].output_tokens.values()))
        assert usage["output_tokens"] == 2 * tokens


def test_every_active_model_of_the_registry_is_emulated() -> None:
    aliases = {"gpt-image-1.5-2025-12-16", "chatgpt-image-latest"}
    assert set(REGISTRY) - aliases == set(MODELS)
