"""The key is in nothing that a run writes, shows or logs."""

from __future__ import annotations

import logging
import subprocess
import sys
import traceback

import httpx
import pytest

from exquisite.api.retry import RetryPolicy
from exquisite.errors import (
    ExquisiteError,
    RejectedByServerError,
)
from tests.support.client_bench import Bench, mocked, request_for
from tests.support.emulator import EMULATOR_KEY
from tests.support.memory_log import MemoryCallLog


class TestSecrets:
    @pytest.mark.parametrize(
        "outcome",
        [
            "ok",
            "timeout",
            "cut:body",
            "moderation_blocked",
            "connect_error",
            "url",
            "redirect_elsewhere",
            "html_200",
        ],
    )
    @pytest.mark.invariant("SECRETS-KEPT")
    def test_the_key_is_in_nothing_that_is_written_shown_or_logged(
        self, outcome: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        caplog.set_level(logging.DEBUG)
        bench = Bench(outcome, retry=RetryPolicy(retries=0))
        texts = [repr(bench.client), str(bench.client.identity()), str(bench.client.request_preview(request_for()))]
        try:
            texts.append(repr(bench.run()))
        except ExquisiteError as error:
            trace = traceback.TracebackException.from_exception(error, capture_locals=True)
            texts.append("".join(trace.format()))
        texts += [repr(vars(entry)) for entry in bench.log.entries]
        texts += [*bench.log.lines, caplog.text, *capsys.readouterr()]
        assert bench.endpoint.calls
        assert not [text for text in texts if EMULATOR_KEY in text]

    def test_a_key_that_a_server_echoes_is_in_no_message(self) -> None:
        def handler(request: httpx.Request) -> httpx.Response:
            key = request.headers["authorization"].removeprefix("Bearer ")
            return httpx.Response(401, json={"error": {"message": f"wrong key {key}"}}, headers={"x-request-id": key})

        log = MemoryCallLog()
        with pytest.raises(RejectedByServerError, match=r"wrong key \[hidden\]") as caught:
            list(mocked(handler).generate(request_for(), log))
        assert EMULATOR_KEY not in str(caught.value) + repr(vars(log.entries[0]))

    def test_importing_the_client_imports_no_http_library(self) -> None:
        code = "import sys, exquisite.api.openai_client; sys.exit('httpx' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
