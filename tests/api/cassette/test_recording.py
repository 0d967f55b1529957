"""A recording never holds a key, survives a failing disk, and finds its own damage."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from exquisite.api.cassette import cassette_transport
from exquisite.api.cassette.recording import Interaction, RecordedRequest, load_recording, save_recording
from exquisite.api.cassette.redaction import find_secret
from exquisite.errors import ReplayError, StorageError
from exquisite.files import Files
from tests.support.taping import KEY, URL, Server, answer, edit, picture, png, record, sending


def test_the_key_of_a_request_is_written_nowhere(path: Path) -> None:
    record(path, b"{}")
    for file in path.parent.rglob("*.*"):
        assert KEY.encode() not in file.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        f"my key is {KEY}",
        "use sk-proj-abcdefgh12345678 please",
        "Authorization: Bearer abcdefghij1234567890",
        '{"api-key": "abcdef0123456789"}',
        "api_key=abcdef0123456789",
    ],
)
def test_a_request_that_holds_a_key_is_not_sent(path: Path, words: str) -> None:
    server = Server(b"{}")
    with pytest.raises(ReplayError, match="not sent, because its recording would hold") as caught:
        edit(cassette_transport(path, "once", inner=server), prompt=words)
    assert server.requests == []
    assert not path.exists()
    assert words[-8:] not in str(caught.value)


@pytest.mark.parametrize("header", ["api-key", "X-Api-Key", "Authorization", "Ocp-Secret", "Cookie"])
def test_the_key_in_use_is_recognized_by_its_header(path: Path, header: str) -> None:
    server = Server(b"{}")
    transport = cassette_transport(path, "once", inner=server)
    client = sending(transport, headers={header: "plain-words-only"})
    with pytest.raises(ReplayError, match="the key in use"):
        client.post(URL, data={"prompt": "these plain-words-only"}, files={"mask": ("mask.png", b"1")})
    assert server.requests == []


def test_an_answer_with_a_key_is_passed_on_and_not_saved(path: Path) -> None:
    paid = answer(png(picture(3))) + KEY.encode()
    transport = cassette_transport(path, "once", inner=Server(paid, b"{}"))
    assert edit(transport).content == paid
    assert not path.exists()
    for check in (transport.close, transport.assert_all_used, lambda: edit(transport)):
        with pytest.raises(ReplayError, match=r"not saved: .*would hold the key in use in one\.json"):
            check()


def test_a_key_inside_a_picture_is_found_too(path: Path) -> None:
    comment = b"tEXt sk-abcdefgh12345678"
    transport = cassette_transport(path, "once", inner=Server(answer(png(picture(3)) + comment)))
    edit(transport)
    with pytest.raises(ReplayError, match="not saved"):
        transport.close()
    assert not path.exists()


@pytest.mark.parametrize(
    "words",
    [
        "a task-management-meeting in the risk-averse-bank",
        "a torch bearer approaching magnificently",
        "basic understandable-composition, 3 figures",
        "the api key of the city",
        "none",
    ],
)
def test_ordinary_words_are_no_keys(words: str) -> None:
    assert find_secret(words.encode(), ["none"]) == ""


# --- the disk


def test_a_recording_that_cannot_be_saved_leaves_the_old_one_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fail the k-th effect on the disk for every k: the cassette is the old one or the new one."""
    record(path, b"old")
    effects = ("write", "sync", "replace", "sync_folder", "open")
    for fail_at in range(1, 100):
        count = 0

        def failing(name: str, fail_at: int = fail_at) -> Callable[..., object]:
            real = getattr(Files, name)

            def effect(self: Files, *arguments: object) -> object:
                nonlocal count
                count += 1
                if count == fail_at:
                    raise StorageError("the disk is full")
                return real(self, *arguments)

            return effect

        with monkeypatch.context() as patch:
            for name in effects:
                patch.setattr(Files, name, failing(name))
            transport = cassette_transport(path, "new_episodes", inner=Server(b"new"))
            assert edit(transport, n=str(fail_at), image=png(picture(fail_at))).content == b"new"
        length = len(load_recording(path)[1])
        if count < fail_at:
            transport.close()
            assert length == 2
            return
        assert length in (1, 2)
        with pytest.raises(StorageError):
            transport.close()
        if length == 2:  # the rename had happened already
            save_recording(path, "", load_recording(path)[1][:1])
    pytest.fail("the faults never ended")


def test_damage_is_found_and_named(path: Path) -> None:
    record(path, answer(png(picture(3))))
    whole = path.read_text()
    blob = max((path.parent / "blobs").iterdir())
    for text, message in (
        (whole[: len(whole) // 2], "is damaged"),
        ("[]", "is damaged"),
        (whole.replace('"cassette": 1', '"cassette": 2'), "has format 2, this version reads 1"),
        (whole.replace('"status": 200', '"status": "x"'), "is damaged"),
        (whole.replace(blob.name, "../one.json"), "is no file name"),
        (whole.replace('"content-type": "application/json"', '"content-type": 3'), "is damaged"),
        (whole.replace('"method": "POST"', '"method": ["POST"]'), "is damaged"),
        (whole.replace('"path": "/v1/images/edits"', '"path": {}'), "is damaged"),
        (whole.replace('"name": "prompt"', '"name": 7'), "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"cassette": 1, "origin": "", "interactions": [{"request": {"method": "GET", "path": "/", "type": "", '
         '"parts": []}}]}', "without response and error"),
    ):  # fmt: skip
        path.write_text(text)
        with pytest.raises(ReplayError, match=message):
            cassette_transport(path)
    path.write_text(whole)
    blob.write_bytes(blob.read_bytes() + b"!")
    with pytest.raises(ReplayError, match="is damaged: its SHA-256 is not its name"):
        cassette_transport(path)
    blob.unlink()
    with pytest.raises(ReplayError, match="cannot be read: No such file"):
        cassette_transport(path)


def test_a_folder_is_no_cassette(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(ReplayError, match=r"the cassette .*one\.json cannot be read: Is a directory"):
        cassette_transport(path)


def test_an_unknown_recorded_error_is_a_transport_error(path: Path) -> None:
    for name in ("NoSuchError", "Client", "InvalidURL"):
        save_recording(path, "", [Interaction(RecordedRequest("GET", "/"), error=(name, "odd"))])
        with pytest.raises(httpx.TransportError, match="odd"):
            sending(cassette_transport(path)).get("https://server.example/")


def test_a_replay_of_an_empty_cassette_is_refused(path: Path) -> None:
    save_recording(path, "", [])
    with pytest.raises(ReplayError, match="which is empty"):
        edit(cassette_transport(path))


@pytest.mark.parametrize(("status", "counts"), [(199, False), (200, True), (299, True), (300, False), (None, False)])
def test_only_a_whole_successful_response_may_have_been_billed(status: int | None, counts: bool) -> None:
    assert Interaction(RecordedRequest("POST", "/"), status).is_answer is counts
    assert not Interaction(RecordedRequest("POST", "/"), status, error=("ReadError", "reset")).is_answer
