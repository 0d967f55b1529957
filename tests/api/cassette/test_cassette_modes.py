"""The record modes: when a cassette records, replays, or sends nothing."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from exquisite.api.cassette import (
    CassetteSettings,
    RecordMode,
    cassette_path,
    cassette_transport,
    settings_from_environment,
    transport_from_settings,
    use_cassette,
)
from exquisite.api.cassette.blobs import blob_name
from exquisite.api.cassette.recording import Interaction, load_recording
from exquisite.errors import ReplayError, UsageError
from tests.support.children import run_python
from tests.support.taping import Server, answer, edit, picture, png, record


def test_nothing_can_be_replayed_without_a_cassette(path: Path) -> None:
    with pytest.raises(ReplayError, match=r"no cassette at .*one\.json: record one with record mode once"):
        cassette_transport(path)


@pytest.mark.parametrize(
    ("mode", "exists", "requests", "interactions"),
    [
        ("once", False, 2, 2),
        ("new_episodes", False, 2, 2),
        ("all", False, 2, 2),
        ("none", True, None, 1),
        ("once", True, None, 1),
        ("new_episodes", True, 1, 2),
        ("all", True, 2, 2),
    ],
)
def test_each_record_mode_sends_and_records_this_many(
    path: Path, mode: str, exists: bool, requests: int | None, interactions: int
) -> None:
    """A request in the cassette, if one `exists`, then one outside it, which is refused where `requests` is None."""
    if exists:
        record(path, b"old")
    server = Server(b"new", b"new")
    transport = cassette_transport(path, mode, inner=server)
    assert edit(transport).content == (b"old" if exists and mode != "all" else b"new")
    if requests is None:
        with pytest.raises(ReplayError, match="part 'n'"):
            edit(transport, n="2")
    else:
        edit(transport, n="2")
    assert len(server.requests) == (requests or 0)
    assert len(load_recording(path)[1]) == interactions
    assert transport.may_send is (requests is not None)


@pytest.mark.parametrize("mode", list(RecordMode))
def test_a_blocked_network_sends_nothing_in_any_mode(path: Path, mode: RecordMode) -> None:
    record(path, b"old")
    server = Server(b"new")
    transport = cassette_transport(path, mode, inner=server, block_network=True)
    assert transport.may_send is False
    with pytest.raises(ReplayError, match="is not in the cassette"):
        edit(transport, n="7")
    assert server.requests == []


def test_without_a_cassette_a_blocked_network_refuses_every_request() -> None:
    transport = transport_from_settings(CassetteSettings(block_network=True))
    assert transport is not None
    assert transport.may_send is False
    with pytest.raises(ReplayError, match="POST /v1/images/edits was not sent: the network is blocked"):
        edit(transport)
    transport.assert_all_used()
    transport.close()


def test_settings_with_a_cassette_replay_it(path: Path) -> None:
    record(path, b"old")
    transport = transport_from_settings(CassetteSettings(path))
    assert transport is not None
    assert edit(transport).content == b"old"
    transport.assert_all_used()


def test_without_settings_the_callers_transport_is_used() -> None:
    inner = Server()
    assert transport_from_settings(CassetteSettings(), inner=inner) is inner
    assert transport_from_settings(CassetteSettings()) is None


def test_settings_come_from_the_environment_and_arguments_go_first(path: Path) -> None:
    env = {"EXQUISITE_CASSETTE": "a.json", "EXQUISITE_RECORD_MODE": "all", "EXQUISITE_BLOCK_NETWORK": "yes"}
    assert settings_from_environment({}) == CassetteSettings(None, RecordMode.NONE, False)
    assert settings_from_environment(env) == CassetteSettings(Path("a.json"), RecordMode.ALL, True)
    ours = settings_from_environment(env, cassette=path, record_mode="once", block_network=False)
    assert ours == CassetteSettings(path, RecordMode.ONCE, False)


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"EXQUISITE_RECORD_MODE": "sometimes"}, "unknown record mode 'sometimes': use one of none, once"),
        ({"EXQUISITE_BLOCK_NETWORK": "perhaps"}, "EXQUISITE_BLOCK_NETWORK is 'perhaps': use 1 or 0"),
    ],
)
def test_invalid_settings_are_refused(env: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings_from_environment(env)


# --- what a run leaves behind


REFUSED: tuple[int, dict[str, str], bytes] = (401, {}, b'{"error": {"message": "no"}}')


@pytest.mark.parametrize("refusal", [REFUSED, (429, {}, b""), (500, {}, b""), httpx.ReadTimeout("slow")])
def test_all_never_replaces_an_answer_by_a_refusal(path: Path, refusal: object) -> None:
    record(path, b"paid")
    before = path.read_bytes()
    with (
        pytest.raises(ReplayError, match="keeps its answer to POST /v1/images/edits, which failed now"),
        use_cassette(path, "all", inner=Server(refusal)) as transport,
    ):
        ask(transport)
    assert load_recording(path)[1] == load_bytes(path, before)


def test_all_replaces_an_answer_by_a_newer_one_with_the_refusals_before_it(path: Path) -> None:
    record(path, b"old")
    with use_cassette(path, "all", inner=Server((429, {}, b"busy"), b"new")) as transport:
        assert (ask(transport).status_code, ask(transport).content) == (429, b"new")
    assert [one.body for one in load_recording(path)[1]] == [b"busy", b"new"]


def test_all_removes_unused_interactions_only_after_a_successful_run(path: Path) -> None:
    record_two(path, b"first", b"second")
    with pytest.raises(ZeroDivisionError):
        fail(path, "all", b"new")
    assert [one.body for one in load_recording(path)[1]] == [b"new", b"second"]
    with use_cassette(path, "all", inner=Server(b"newer")) as transport:
        edit(transport)
    assert [one.body for one in load_recording(path)[1]] == [b"newer"]


def test_all_records_over_a_damaged_cassette(path: Path) -> None:
    record(path, b"old")
    path.write_text("damaged")
    with use_cassette(path, "all", inner=Server(b"new")) as transport:
        edit(transport)
    assert [one.body for one in load_recording(path)[1]] == [b"new"]


@pytest.mark.parametrize("mode", ["once", "new_episodes", "all"])
def test_a_first_run_that_fails_leaves_no_cassette(path: Path, mode: str) -> None:
    with pytest.raises(ZeroDivisionError):
        fail(path, mode, REFUSED)
    assert [file for file in path.parent.rglob("*") if file.is_file()] == []
    record(path, b"answer")
    assert [one.body for one in load_recording(path)[1]] == [b"answer"]


def test_the_answers_of_a_failed_first_run_are_stored_beside_it(path: Path) -> None:
    """These answers may have cost money: a second failed run stores its own beside the first."""
    for name in ("one.failed.json", "one.failed2.json"):
        with pytest.raises(ZeroDivisionError):
            fail(path, "once", b"paid")
        assert not path.exists()
        assert [one.body for one in load_recording(path.with_name(name))[1]] == [b"paid"]


def test_a_run_that_expects_a_refusal_is_recorded(path: Path) -> None:
    record(path, REFUSED)
    with use_cassette(path) as transport:
        assert edit(transport).status_code == 401


def test_a_failed_later_run_removes_nothing(path: Path) -> None:
    record(path, b"paid")
    before = path.read_bytes()
    for mode in ("none", "once", "new_episodes"):
        with pytest.raises(ZeroDivisionError), use_cassette(path, mode, inner=Server()):
            raise ZeroDivisionError
    assert path.read_bytes() == before


def test_blobs_without_a_cassette_are_removed(path: Path) -> None:
    shared, alone = answer(png(picture(3))), answer(png(picture(4)))
    record_two(path, shared, alone)
    record(path.with_name("other.json"), shared)
    (path.parent / "blobs" / "notes.txt").write_text("mine")
    before = {file.name for file in (path.parent / "blobs").iterdir()}
    with use_cassette(path, "all", inner=Server(b"{}")) as transport:
        edit(transport)
    gone = before - {file.name for file in (path.parent / "blobs").iterdir()}
    assert gone == {blob_name(png(picture(4)))}
    with use_cassette(path.with_name("other.json")) as transport:
        assert edit(transport).content == shared


def test_the_environment_sets_the_record_mode_of_a_context(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXQUISITE_RECORD_MODE", "once")
    with use_cassette(path, inner=Server(b"{}")) as transport:
        edit(transport)
    monkeypatch.setenv("EXQUISITE_RECORD_MODE", "new_episodes")
    monkeypatch.setenv("EXQUISITE_BLOCK_NETWORK", "1")
    with use_cassette(path, inner=Server(b"{}")) as transport:
        edit(transport)
        with pytest.raises(ReplayError, match="the network is blocked"):
            edit(transport, n="2")
    with pytest.raises(ReplayError, match="no cassette"), use_cassette(path.with_name("x.json"), "none"):
        pass


def test_each_test_has_a_cassette_of_its_own() -> None:
    names = [
        "tests/test_a.py::test_x",
        "tests/test_b.py::test_x",
        "tests/test_a.py::TestX::test_y",
        "tests/test_a.py::test_x[a/b]",
        "tests/test_a.py::test_x[a:b]",
        "tests/test_a.py::test_x[.." + "long" * 99 + "1]",
        "tests/test_a.py::test_x[.." + "long" * 99 + "2]",
        "just a name",
    ]
    paths = [cassette_path("tapes", name) for name in names]
    assert len(set(paths)) == len(names)
    assert paths[0] == Path("tapes/test_a/test_x.json")
    for tape in paths:
        assert tape.parts[0] == "tapes"
        assert ".." not in tape.parts
        assert len(tape.name) < 130
        assert re.fullmatch(r"[A-Za-z0-9._-]+", tape.name)


def record_two(path: Path, first: bytes, second: bytes) -> None:
    """Record one request as `edit` makes it, and one for two tiles."""
    with use_cassette(path, "once", inner=Server(first, second)) as transport:
        edit(transport)
        edit(transport, n="2")


def fail(path: Path, mode: str, reply: object) -> None:
    """A run that records `reply`, and then fails."""
    with use_cassette(path, mode, inner=Server(reply)) as transport:
        edit(transport)
        assert path.exists()
        raise ZeroDivisionError


def ask(transport: object) -> httpx.Response:
    """One request whose failures are responses; a broken connection is status 0."""
    try:
        return edit(transport)
    except httpx.TransportError:
        return httpx.Response(599)


def load_bytes(path: Path, data: bytes) -> list[Interaction]:
    """The interactions of a recording whose file held `data`."""
    copy = path.with_name("copy.json")
    copy.write_bytes(data)
    return load_recording(copy)[1]


def test_closing_closes_the_transport_inside(path: Path) -> None:
    server = Server(b"{}")
    with use_cassette(path, "once", inner=server) as transport:
        edit(transport)
    assert server.closed


def test_the_http_library_is_not_imported_with_the_module() -> None:
    process = run_python("import exquisite.api.cassette, sys; sys.exit('httpx' in sys.modules)")
    assert process.returncode == 0, process.stderr
