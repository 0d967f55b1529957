"""The form of a request: every field explicit, both pictures PNG, equal bytes for equal requests."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest
from PIL import Image

from exquisite.api.answer import decode_tile
from exquisite.api.edit_form import ModelSettings, edit_form, picture_parts
from exquisite.api.generator import NullCallLog, TileRequest
from exquisite.api.models import MODEL_DEFAULT
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.reference_picture import ReferencePicture
from exquisite.api.servers import OPENAI, SERVERS, Timeouts
from exquisite.contract import CLASSIC, Mode
from exquisite.errors import RejectedByServerError, UsageError
from tests.support.client_bench import HERE, mocked, request_for
from tests.support.emulator import EMULATOR_KEY, MemoryTransport, emulator
from tests.support.memory_log import MemoryCallLog


def parts_of(request: httpx.Request) -> list[tuple[str, str, str, bytes]]:
    """(name, file name, type, content) of each part, by a reader of its own."""
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    parts = []
    for piece in request.read().split(b"--" + boundary + b"\r\n")[1:]:
        head, _, content = piece.partition(b"\r\n\r\n")
        content = content.removesuffix(b"--" + boundary + b"--\r\n").removesuffix(b"\r\n")
        text = head.decode()
        name = re.search(r'\bname="([^"]*)"', text)
        filename = re.search(r'filename="([^"]*)"', text)
        kind = re.search(r"Content-Type: (\S+)", text)
        parts.append((name[1] if name else "", filename[1] if filename else "", kind[1] if kind else "", content))
    return parts


class TestRequest:
    def capture(self, request: TileRequest, **options: Any) -> httpx.Request:
        requests: list[httpx.Request] = []

        def handler(call: httpx.Request) -> httpx.Response:
            requests.append(call)
            return httpx.Response(400, json={"error": {"message": "no", "code": "invalid_value"}})

        with pytest.raises(RejectedByServerError):
            list(mocked(handler, **options).generate(request, NullCallLog()))
        return requests[0]

    @pytest.mark.invariant("PNG-PINNED")
    def test_every_field_is_explicit_and_both_pictures_are_png(self) -> None:
        request = request_for()
        parts = parts_of(self.capture(request, complexity="high"))
        assert [part[:3] for part in parts] == [
            ("model", "", ""),
            ("prompt", "", ""),
            ("n", "", ""),
            ("size", "", ""),
            ("quality", "", ""),
            ("complexity", "", ""),
            ("background", "", ""),
            ("output_format", "", ""),
            ("image[]", "reference.png", "image/png"),
            ("mask", "mask.png", "image/png"),
        ]
        values = {name: content.decode() for name, filename, _, content in parts if not filename}
        assert values == {
            "model": MODEL_DEFAULT,
            "prompt": request.prompt,
            "n": "3",
            "size": "64x64",
            "quality": "high",
            "complexity": "high",
            "background": "opaque",
            "output_format": "png",
        }

    def test_the_pictures_arrive_pixel_for_pixel(self, tmp_path: Path) -> None:
        request = request_for()
        for name, _, _, content in parts_of(self.capture(request))[-2:]:
            file = tmp_path / "part.png"
            file.write_bytes(content)
            original = request.mask if name == "mask" else request.reference
            with Image.open(file) as picture:
                assert (picture.mode, picture.tobytes()) == (original.mode, original.tobytes())

    def test_equal_requests_are_equal_bytes(self) -> None:
        first, again = self.capture(request_for()), self.capture(request_for())
        assert (first.headers["content-type"], first.read()) == (again.headers["content-type"], again.read())
        other = self.capture(replace(request_for(), prompt="another"))
        assert other.headers["content-type"] != first.headers["content-type"]

    def test_address_and_headers(self) -> None:
        environ = {"OPENAI_ORG_ID": "org-1", "OPENAI_PROJECT_ID": "proj-1"}
        call = self.capture(request_for(CLASSIC), base_url=None, environ=environ)
        assert (call.method, str(call.url)) == ("POST", "https://api.openai.com/v1/images/edits")
        assert call.headers["authorization"] == f"Bearer {EMULATOR_KEY}"
        assert call.headers["accept"] == "application/json"
        assert call.headers["accept-encoding"] == "identity"
        assert re.fullmatch(r"\w+/[\d.a-z]+", call.headers["user-agent"])
        assert (call.headers["openai-organization"], call.headers["openai-project"]) == ("org-1", "proj-1")
        assert call.extensions["timeout"] == {"connect": 5.0, "read": 600.0, "write": 120.0, "pool": 5.0}
        waits = Timeouts(connect_s=1.0, read_s=2.0, write_s=3.0)
        call = self.capture(request_for(), server=replace(OPENAI, timeouts=waits))
        assert call.extensions["timeout"] == {"connect": 1.0, "read": 2.0, "write": 3.0, "pool": 1.0}
        elsewhere = self.capture(request_for(), environ=environ)
        assert "openai-organization" not in elsewhere.headers

    @pytest.mark.parametrize(
        ("options", "url", "header"),
        [
            ({"base_url": "https://r.openai.azure.com/openai/v1", "server": SERVERS["azure"]}, "/openai/v1", "api-key"),
            (
                {
                    "base_url": "https://r.openai.azure.com/openai/deployments/d",
                    "server": SERVERS["azure-deployment"],
                },
                "/openai/deployments/d",
                "api-key",
            ),
        ],
    )
    def test_azure_has_a_path_and_a_header_of_its_own(self, options: dict[str, Any], url: str, header: str) -> None:
        call = self.capture(request_for(), **options)
        assert call.url.path == f"{url}/images/edits"
        assert call.headers[header] == EMULATOR_KEY
        assert "authorization" not in call.headers
        old = "deployments" in url
        assert dict(call.url.params) == ({"api-version": "2025-04-01-preview"} if old else {})
        assert ("model" in [part[0] for part in parts_of(call)]) is not old

    def test_settings_rename_add_and_remove_fields(self) -> None:
        server = replace(
            OPENAI,
            image_field="image",
            mask_field="mask_image",
            extra_fields={"response_format": "b64_json", "quality": "best"},
            extra_headers={"X-Team": "a"},
            extra_query={"v": "1"},
            omit_fields=("background", "size"),
        )
        call = self.capture(request_for(), server=server)
        names = [part[0] for part in parts_of(call)]
        assert names == ["model", "prompt", "n", "quality", "output_format", "response_format", "image", "mask_image"]
        assert b'name="quality"\r\n\r\nbest\r\n' in call.read()
        assert (call.headers["x-team"], call.url.params["v"]) == ("a", "1")

    def test_reference_pictures_follow_the_tile_as_further_parts_of_its_name(self) -> None:
        pictures = tuple(
            ReferencePicture.from_image(kind, Image.new("RGB", (40, 30 + place)))
            for place, kind in enumerate(("seed", "map", "file"))
        )
        request = replace(request_for(), references=pictures)
        parts = picture_parts(request, OPENAI)
        assert [part.name for part in parts] == ["image[]"] * 4 + ["mask"]
        assert [part.filename for part in parts[1:4]] == ["reference-1-seed.png", "reference-2-map.png",
                                                          "reference-3-file.png"]  # fmt: skip
        assert [part.data for part in parts[1:4]] == [picture.data for picture in pictures]
        endpoint = emulator(flat=True, any_size=True)
        client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=HERE, transport=MemoryTransport(endpoint), environ={})
        assert len(list(client.generate(request, MemoryCallLog()))) == 3
        edit = endpoint.calls[0].edit
        assert edit is not None
        assert [picture.size for picture in edit.references] == [(40, 30), (40, 31), (40, 32)]
        assert edit.mask is not None
        assert edit.mask.size == edit.image.size

    def test_a_server_that_takes_one_picture_refuses_references(self) -> None:
        request = replace(request_for(), references=(ReferencePicture.from_image("file", Image.new("RGB", (9, 9))),))
        with pytest.raises(UsageError, match="takes one picture, as the field 'image': leave the 1 references out"):
            picture_parts(request, replace(OPENAI, image_field="image"))

    @pytest.mark.parametrize("mask", ["send", "omit"])
    def test_a_mask_is_left_out_for_a_server_that_refuses_one(self, mask: Literal["send", "omit"]) -> None:
        server = replace(OPENAI, mask=mask)
        call = self.capture(request_for(), server=server)
        assert ("mask" in [part[0] for part in parts_of(call)]) is (mask == "send")

    def test_the_identity_of_the_client_names_an_omitted_mask(self) -> None:
        with_mask, omitted = (
            OpenAITileGeneratorClient(server=replace(OPENAI, mask=mask), environ={}).identity()
            for mask in ("send", "omit")
        )
        assert with_mask != omitted

    def test_the_body_is_the_multipart_of_the_http_library(self) -> None:
        server = replace(OPENAI, extra_fields={'odd "name"\n': "wörd\r\n--x"})
        model = ModelSettings("m", "high")
        form = edit_form(request_for(), 2, picture_parts(request_for(), server), model, server)
        files = [(part.name, (part.filename, part.data, "image/png")) for part in form.parts]
        headers = {"Content-Type": form.content_type}
        theirs = httpx.Request("POST", HERE, headers=headers, data=dict(form.fields), files=files).read()
        assert form.body == theirs

    @pytest.mark.parametrize("mode", list(Mode))
    def test_every_mode_passes_the_strict_rules_of_the_endpoint(self, mode: Mode) -> None:
        endpoint = emulator(flat=True)
        client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=HERE, transport=MemoryTransport(endpoint), environ={})
        tiles = list(client.generate(request_for(CLASSIC, 1, mode), MemoryCallLog()))
        assert [decode_tile(tile.data).size for tile in tiles] == [CLASSIC.tile_size("x_ltr")]
        assert [call.outcome for call in endpoint.calls] == ["ok"]
