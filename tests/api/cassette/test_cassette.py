"""A cassette answers what was recorded, byte for byte, and refuses everything else."""

from __future__ import annotations

import base64
import gzip
import json
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from exquisite.api.cassette import cassette_transport, use_cassette
from exquisite.api.cassette.recording import load_recording
from exquisite.errors import ReplayError
from tests.support.taping import FIELDS, URL, Server, answer, edit, picture, png, record, sending

ERRORS = [
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.ReadError,
    httpx.ReadTimeout,
    httpx.RemoteProtocolError,
    httpx.WriteError,
    httpx.WriteTimeout,
]


def bodies() -> Iterator[bytes]:
    """Answers of every kind, well formed or not."""
    tile = png(picture(3))
    text = base64.b64encode(tile)
    yield answer(tile)
    yield answer(tile, png(picture(4)), tile)
    yield b'{"data":[{"b64_json":"data:image/png;base64,' + text + b'"}]}'
    yield b'{"data":[{"b64_json":"' + text.replace(b"/", b"\\/") + b'"}]}'
    yield b'{"data":[{"b64_json":"' + text.rstrip(b"=") + b'"}]}'
    yield answer(tile)[: len(answer(tile)) // 2]
    yield b'{"data":[{"b64_json":"' + b"A" * 65 + b'"}]}'
    yield answer(tile).decode().replace("data", "dätä").encode("utf-16")
    yield tile
    yield b""
    yield b"{}\r\n\r\n\tnot \xc3\xa4 line\n"
    yield b"\xff\xfe\x00 no text"
    yield b"A" * 200_000
    yield "many words, äöü, ".encode() * 20_000
    yield random.Random(5).randbytes(5000)


@pytest.mark.parametrize("body", list(bodies()), ids=range(15))
def test_bodies_are_replayed_byte_for_byte(path: Path, body: bytes) -> None:
    record(path, body)
    with use_cassette(path) as transport:
        assert edit(transport).content == body


def test_status_and_useful_headers_are_recorded_and_no_others(path: Path) -> None:
    fields = {"Retry-After": "2", "X-Request-Id": "req_1", "Set-Cookie": "session=oatmeal", "Content-Type": "text/html"}
    record(path, (429, fields, b"later"))
    with use_cassette(path) as transport:
        response = edit(transport)
    assert response.status_code == 429
    assert (response.headers["retry-after"], response.headers["x-request-id"]) == ("2", "req_1")
    assert "oatmeal" not in path.read_text()


def test_each_picture_is_one_file_beside_the_json(path: Path) -> None:
    tile = png(picture(3))
    record(path, answer(tile, tile), answer(tile))
    names = {file.name for file in (path.parent / "blobs").iterdir()}
    assert len(names) == 3  # tile, reference, mask
    assert tile in [file.read_bytes() for file in (path.parent / "blobs").iterdir()]
    assert base64.b64encode(tile)[:40].decode() not in path.read_text()
    assert all(f'"{name}"' in path.read_text() for name in names)


def test_another_interaction_only_adds_lines(path: Path) -> None:
    record(path, answer(png(picture(3))))
    before = path.read_text().splitlines()
    with use_cassette(path, "new_episodes", inner=Server(b"{}")) as transport:
        edit(transport)
        edit(transport, prompt="Other words")
    after = path.read_text().splitlines()
    assert after[: len(before) - 3] == before[:-3]
    assert after[len(before) - 3].rstrip(",") == before[-3]


def test_a_prompt_is_written_line_by_line(path: Path) -> None:
    record(path, b"{}")
    parts = json.loads(path.read_text())["interactions"][0]["request"]["parts"]
    assert {"name": "prompt", "text": ["Extend this picture.\n", "More rain."]} in parts


def test_the_origin_is_the_host_or_an_argument(path: Path) -> None:
    record(path, b"{}")
    assert load_recording(path)[0] == "https://server.example"
    with use_cassette(path, "all", origin="emulator", inner=Server(b"{}")) as transport:
        edit(transport)
    assert load_recording(path)[0] == "emulator"


@pytest.mark.parametrize("kind", ERRORS)
def test_a_broken_connection_is_replayed_as_the_same_exception(path: Path, kind: type[httpx.TransportError]) -> None:
    record(path, kind("gone"), b"{}")
    with use_cassette(path) as transport:
        with pytest.raises(kind, match="gone") as caught:
            edit(transport)
        assert type(caught.value) is kind
        assert edit(transport).content == b"{}"


def test_a_truncated_answer_is_replayed_as_far_as_it_arrived(path: Path) -> None:
    start = answer(png(picture(3)))[:300]
    record(path, (start, httpx.ReadError("reset")))
    with use_cassette(path) as transport, sending(transport) as client:
        files = {"image[]": ("reference.png", png(picture()), "image/png")}
        files["mask"] = ("mask.png", png(Image.new("RGBA", (8, 8))), "image/png")
        with client.stream("POST", URL, data=FIELDS, files=files) as response:
            pieces = response.iter_raw()
            assert next(pieces) == start
            with pytest.raises(httpx.ReadError, match="reset"):
                next(pieces)


def test_an_answer_that_the_client_stops_reading_is_recorded_so_far(path: Path) -> None:
    def begin(transport: object) -> bytes:
        with sending(transport).stream("GET", URL) as response:
            return next(response.iter_raw())

    with use_cassette(path, "once", inner=Server((b"the start", httpx.ReadError("never read")))) as transport:
        assert begin(transport) == b"the start"
    with use_cassette(path) as transport:
        assert begin(transport) == b"the start"


def test_an_interrupted_answer_is_not_recorded(path: Path) -> None:
    transport = cassette_transport(path, "once", inner=Server((b"half", KeyboardInterrupt())))
    with pytest.raises(KeyboardInterrupt):
        edit(transport)
    transport.close()
    assert not path.exists()


def test_equal_requests_are_answered_in_the_order_of_the_recording(path: Path) -> None:
    record(path, (429, {"retry-after": "1"}, b""), httpx.ReadTimeout("slow"), b"first", b"second")
    with use_cassette(path) as transport:
        assert edit(transport).status_code == 429
        with pytest.raises(httpx.ReadTimeout):
            edit(transport)
        assert [edit(transport).content, edit(transport).content] == [b"first", b"second"]


def test_threads_share_a_cassette_and_no_interaction_answers_twice(path: Path) -> None:
    record(path, *(str(number).encode() for number in range(16)))
    with use_cassette(path) as transport, ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda _: edit(transport).content, range(16)))
    assert sorted(map(int, bodies)) == list(range(16))


def test_a_compressed_answer_is_requested_plain_and_replayed_either_way(path: Path) -> None:
    server = Server((200, {"content-encoding": "gzip"}, gzip.compress(b"plain")))
    with use_cassette(path, "once", inner=server) as transport:
        assert edit(transport).content == b"plain"
    assert server.requests[0].headers["accept-encoding"] == "identity"
    with use_cassette(path) as transport:
        assert edit(transport).content == b"plain"


def test_an_address_of_a_picture_is_recorded_like_any_request(path: Path) -> None:
    tile = png(picture(9))
    with use_cassette(path, "once", inner=Server(tile)) as transport:
        sending(transport).get("https://server.example/files/1.png?b=2&a=1")
    with use_cassette(path) as transport:
        assert sending(transport).get("https://other.example/files/1.png?a=1&b=2").content == tile


# --- what counts as the same request


def test_boundary_order_of_fields_and_encoding_of_pictures_do_not_matter(path: Path) -> None:
    record(path, b"{}")
    files = {
        "mask": ("mask.png", png(Image.new("RGBA", (8, 8)), compress_level=0), "image/png"),
        "image[]": ("reference.png", png(picture(), compress_level=1, pnginfo=None, dpi=(72, 72)), "image/png"),
    }
    headers = {"content-type": "multipart/form-data; boundary=quite-another-one"}
    with use_cassette(path) as transport:
        client = sending(transport, headers=headers)
        assert client.post(URL, data=dict(reversed(FIELDS.items())), files=files).content == b"{}"


def with_pixel() -> bytes:
    """The reference with one pixel changed at (5, 6)."""
    image = picture()
    image.putpixel((5, 6), (255, 255, 255))
    return png(image)


DIFFERENCES = {
    "a word": ({"prompt": "Extend this picture.\nMore snow."}, "part 'prompt' differs from byte 26: .*snow.*rain"),
    "a value": ({"n": "2"}, "part 'n' differs from byte 0: '2', recorded '1'"),
    "a field more": ({"size": "8x8"}, "part 'size' is there 1 time, recorded 0 times"),
    "a pixel": ({"image": with_pixel()}, r"part 'image\[\]' has other pixels, in the box \(5, 6, 6, 7\) and by up to"),
    "a size": ({"image": png(picture(size=(8, 4)))}, r"part 'image\[\]' is RGB of 8x4, recorded RGB of 8x8"),
    "an alpha": ({"mask": png(Image.new("RGBA", (8, 8), (0, 0, 0, 255)))}, "part 'mask' has other pixels"),
    "no picture": ({"mask": b"nonsense"}, "part 'mask' differs from byte 0"),
}


@pytest.mark.parametrize(("changes", "message"), DIFFERENCES.values(), ids=DIFFERENCES)
def test_an_unexpected_request_names_the_nearest_and_what_differs(
    path: Path, changes: dict[str, Any], message: str
) -> None:
    far: dict[str, Any] = {"prompt": "Nothing alike", "n": "9", "image": png(Image.new("RGB", (4, 4)))}
    with use_cassette(path, "once", inner=Server(b"{}", b"{}")) as transport:
        edit(transport, **far)
        edit(transport)
    transport = cassette_transport(path)
    with pytest.raises(ReplayError, match=f"the nearest of 2 is interaction 2: {message}"):
        edit(transport, **changes)


@pytest.mark.parametrize(
    ("method", "url", "message"),
    [
        ("PUT", URL, "the method is 'PUT', recorded 'POST'"),
        ("POST", URL + "?key=1", "the path is '/v1/images/edits.key=1', recorded '/v1/images/edits'"),
    ],
)
def test_method_path_and_query_count(path: Path, method: str, url: str, message: str) -> None:
    with use_cassette(path, "once", inner=Server(b"{}")) as transport:
        sending(transport).post(URL, json={"a": 1})
    with pytest.raises(ReplayError, match=message):
        sending(cassette_transport(path)).request(method, url, json={"a": 1})


def test_file_names_and_types_count(path: Path) -> None:
    with use_cassette(path, "once", inner=Server(b"{}")) as transport:
        sending(transport).post(URL, files={"mask": ("mask.png", b"1", "image/png")})
    files = {"mask": ("m.png", b"1", "image/webp")}
    with pytest.raises(ReplayError, match=r"file name 'm\.png', recorded 'mask\.png'; .*type 'image/webp'"):
        sending(cassette_transport(path)).post(URL, files=files)


def test_one_request_too_many_is_refused(path: Path) -> None:
    record(path, b"{}")
    transport = cassette_transport(path)
    edit(transport)
    with pytest.raises(ReplayError, match="equal, but it has answered already, so this request is one too many"):
        edit(transport)


def test_an_unused_interaction_fails(path: Path) -> None:
    record(path, b"1", b"2", b"3")
    with pytest.raises(ReplayError, match=r"2 of 3 interactions .* never asked for: 2, 3"), use_cassette(path) as tape:
        edit(tape)


def test_an_error_inside_the_context_is_not_hidden_by_unused_interactions(path: Path) -> None:
    record(path, b"1")
    with pytest.raises(ZeroDivisionError), use_cassette(path):
        _ = 1 / 0
