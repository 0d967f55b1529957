"""A small session, and a server of its page, both inside the test's own process."""

from __future__ import annotations

import http.client
import json
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from exquisite.page.review import Review
from exquisite.page.server import TOKEN_HEADER, PageServer
from exquisite.pipeline.session import Session
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import InstantGenerator, grow, make_session


def reviewed_session(root: Path) -> Session:
    """Two committed steps with three candidates each, every file kept."""
    return make_session(root, ("x_ltr", "x_rtl"), files=QuickFiles(), candidates=3, artifacts="full")


def add_rejected(session: Session) -> int:
    """A step whose gate glued nothing; returns its number."""
    result = grow(session, "x_ltr", candidates=3, gate=1e-6, artifacts="full")
    assert result.status == "rejected"
    return result.step_index


@dataclass(frozen=True)
class Answer:
    """One answer of the server."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def data(self) -> Any:
        """The content as JSON."""
        return json.loads(self.content)


class Browser:
    """Asks a server as its own page does; every header can be another."""

    def __init__(self, server: PageServer) -> None:
        self.server = server

    def ask(self, method: str, path: str, body: bytes | None, **headers: str | None) -> Answer:
        """One request to `path`, which is relative to the page unless it begins with "/"."""
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        address = path if path.startswith("/") else f"/{self.server.token}/{path}"
        fields: dict[str, str | None] = {"Host": f"127.0.0.1:{self.server.port}"}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.putrequest(method, address, skip_host=True, skip_accept_encoding=True)
            for name, value in fields.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            answer = connection.getresponse()
            return Answer(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str | None) -> Answer:
        """A GET request."""
        return self.ask("GET", path, None, **headers)

    def post(self, path: str, values: object = None, **headers: str | None) -> Answer:
        """A POST request with the token, unless `headers` replace it."""
        body = values if isinstance(values, bytes) else json.dumps(values or {}).encode()
        usual: dict[str, str | None] = {
            TOKEN_HEADER.replace("-", "_"): self.server.token,
            "Content_Type": "application/json",
            "Content_Length": str(len(body)),
        }
        return self.ask("POST", path, body, **(usual | headers))


@pytest.fixture(scope="session")
def _made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("page") / "s"
    add_rejected(reviewed_session(root))
    return root


@pytest.fixture
def session(tmp_path: Path, _made_once: Path) -> Session:
    """A session with two committed steps and one that was refused, the newest."""
    shutil.copytree(_made_once, tmp_path / "s")
    return Session.open(tmp_path / "s", files=QuickFiles())


@pytest.fixture
def serve() -> Iterator[Callable[..., Browser]]:
    """Serves reviews until the test ends."""
    servers: list[PageServer] = []

    def start(review: Review) -> Browser:
        server = PageServer(review)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return Browser(server)

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def browser(session: Session, serve: Callable[..., Browser]) -> Browser:
    """The page of the session, with a model that takes no time."""
    return serve(Review(session.root, InstantGenerator()))
