"""When a cassette records, when it replays, when it sends nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from exquisite.api.cassette import (
    CassetteSettings,
    RecordMode,
    cassette_transport,
    settings_from_environment,
    transport_from_settings,
    use_cassette,
)
from exquisite.api.cassette.recording import load_recording
from exquisite.errors import ReplayError, UsageError
from tests.support.children import run_python
from tests.support.taping import Server, edit, record


def test_nothing_can_be_replayed_without_a_cassette(path: Path) -> None:
    with pytest.raises(ReplayError, match=r"no cassette at .*one\.json: record one with record mode once"):
        cassette_transport(path)


@pytest.mark.parametrize(
    ("mode", "there", "sent", "kept"),
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
def test_what_each_record_mode_sends_and_keeps(path: Path, mode: str, there: bool, sent: int | None, kept: int) -> None:
    """One request that an existing cassette holds, then one that it does not; `sent` None: the second is refused."""
    if there:
        record(path, b"old")
    server = Server(b"new", b"new")
    transport = cassette_transport(path, mode, inner=server)
    assert edit(transport).content == (b"old" if there and mode != "all" else b"new")
    if sent is None:
        with pytest.raises(ReplayError, match="part 'n'"):
            edit(transport, n="2")
    else:
        edit(transport, n="2")
    assert len(server.requests) == (sent or 0)
    assert len(load_recording(path)[1]) == kept
    assert transport.may_send is (sent is not None)


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
    assert transport.may_send is False
    with pytest.raises(ReplayError, match="POST /v1/images/edits was not sent: the network is blocked"):
        edit(transport)
    transport.assert_all_used()
    transport.close()


def test_settings_with_a_cassette_replay_it(path: Path) -> None:
    record(path, b"old")
    transport = transport_from_settings(CassetteSettings(path))
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
def test_settings_that_mean_nothing_are_refused(env: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings_from_environment(env)


def test_closing_closes_the_transport_inside(path: Path) -> None:
    server = Server(b"{}")
    with use_cassette(path, "once", inner=server) as transport:
        edit(transport)
    assert server.closed


def test_the_http_library_is_not_imported_with_the_module() -> None:
    done = run_python("import exquisite.api.cassette, sys; sys.exit('httpx' in sys.modules)")
    assert done.returncode == 0, done.stderr
