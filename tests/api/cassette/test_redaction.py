"""Signatures of addresses are in no recording, and a replay follows the addresses nevertheless."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from exquisite.api.cassette import use_cassette
from exquisite.api.cassette.blobs import blob_name
from exquisite.api.cassette.recording import Interaction, RecordedRequest, load_recording, save_recording
from exquisite.api.cassette.redaction import redacted
from exquisite.api.cassette.upkeep import check_recording, rewrite_recording
from exquisite.errors import ReplayError
from tests.support.taping import KEY, Server, answer, edit, picture, png, record

SIGNED = "https://files.example/1.png?X-Amz-Date=20261122&X-Amz-Signature=5f3a9c&size=8"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("https://h/1.png?sig=a%2Fb%3D&se=2026", "https://h/1.png?sig=redacted&se=2026"),
        ("https://h/1.png?se=2026&Signature=abc~_-", "https://h/1.png?se=2026&Signature=redacted"),
        ('{"url": "https://h/1?token=abc"}', '{"url": "https://h/1?token=redacted"}'),
        ("https:\\/\\/h\\/1?a=1\\u0026sig=abc\\u0026b=2", "https:\\/\\/h\\/1?a=1\\u0026sig=redacted\\u0026b=2"),
        ("?X-Goog-Credential=me&X-Goog-Signature=abc", "?X-Goog-Credential=redacted&X-Goog-Signature=redacted"),
        ("?size=8&signed=yes&design=3&n=1", "?size=8&signed=yes&design=3&n=1"),
        ("the sig=abc of a prompt", "the sig=abc of a prompt"),
    ],
)
def test_only_the_signature_of_an_address_is_replaced(text: str, expected: str) -> None:
    assert redacted(text.encode()).decode() == expected
    assert redacted(redacted(text.encode())) == redacted(text.encode())


def test_a_signed_address_is_recorded_without_its_signature_and_followed_in_a_replay(path: Path) -> None:
    body = json.dumps({"data": [{"url": SIGNED}]}).encode()
    tile = png(picture(9))

    def run(transport: httpx.BaseTransport) -> tuple[str, bytes]:
        url = edit(transport).json()["data"][0]["url"]
        return url, httpx.Client(transport=transport).get(url).content

    reply = (200, {"content-length": str(len(body)), "location": SIGNED}, body)
    with use_cassette(path, "once", inner=Server(reply, tile)) as transport:
        assert run(transport) == (SIGNED, tile)
    assert "5f3a9c" not in path.read_text()
    with use_cassette(path) as transport:
        url, picture_there = run(transport)
    assert picture_there == tile
    assert url == SIGNED.replace("5f3a9c", "redacted")
    interaction = load_recording(path)[1][0]
    assert interaction.headers["content-length"] == str(len(interaction.body))


class TestUpkeep:
    def test_a_good_recording_has_no_problems(self, path: Path) -> None:
        record(path, answer(png(picture(3))))
        assert check_recording(path) == []
        before = path.read_bytes()
        assert rewrite_recording(path) == 0
        assert path.read_bytes() == before

    def test_a_recording_that_cannot_be_read_is_the_problem(self, path: Path) -> None:
        assert "there is no cassette" in check_recording(path)[0]
        record(path, answer(png(picture(3))))
        blob = max((path.parent / "blobs").iterdir())
        blob.unlink()
        assert blob.name in check_recording(path)[0]
        with pytest.raises(ReplayError, match="cannot be read"):
            rewrite_recording(path)

    def test_keys_signatures_and_blobs_without_a_name_are_found(self, path: Path) -> None:
        request = RecordedRequest("GET", "/1.png?sig=abc")
        save_recording(path, "", [Interaction(request, 200, {}, b"{}")])
        blob = path.parent / "blobs" / f"{'0' * 64}.png"
        blob.write_bytes(b"")
        first, second = check_recording(path)
        assert "interaction 1" in first
        assert "signed address" in first
        assert "holds 1 file that no cassette names" in second
        assert rewrite_recording(path) == 1
        assert check_recording(path) == []
        assert load_recording(path)[1][0].request.path == "/1.png?sig=redacted"

    @pytest.mark.invariant("SECRETS-KEPT")
    def test_a_key_inside_a_picture_is_found(self, path: Path) -> None:
        record(path, answer(png(picture(3))))
        text = path.read_text()
        blob = max((path.parent / "blobs").iterdir())
        with_key = blob.read_bytes() + f"sk-{KEY}".encode()
        other = blob.with_name(blob_name(with_key))
        other.write_bytes(with_key)
        blob.unlink()
        path.write_text(text.replace(blob.name, other.name))
        (problem,) = check_recording(path)
        assert problem.startswith(f"{other} holds")

    @pytest.mark.invariant("SECRETS-KEPT")
    def test_a_key_is_found_and_not_repeated(self, path: Path) -> None:
        record(path, b'{"note": "fine"}')
        path.write_text(path.read_text().replace("fine", f"sk-{KEY}"))
        (problem,) = check_recording(path)
        assert "look like a key" in problem
        assert KEY not in problem
