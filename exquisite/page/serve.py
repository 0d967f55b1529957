"""Serving the page of a session until the process is interrupted."""

from __future__ import annotations

import contextlib
import webbrowser
from collections.abc import Callable
from decimal import Decimal

from ..api.generator import TileGenerator
from ..errors import UsageError
from ..pipeline.session import Session
from .jobs import Payment
from .review import Review
from .server import PageServer

__all__ = ["make_server", "serve"]


def serve(
    session: Session,
    *,
    generator: TileGenerator | None = None,
    budget: Decimal | None = None,
    port: int = 0,
    ready: Callable[[str], object] = webbrowser.open,
) -> None:
    """Serve the page of `session` on 127.0.0.1 until the process is interrupted.

    Args:
        session: what the page shows; another process may extend it meanwhile.
        generator: makes the tiles of steps started from the page; None for a page that runs no steps.
        budget: budget of the session in USD; None for a page that may not pay.
        port: port on 127.0.0.1; 0 for any free port.
        ready: called with the address of the page; by default it opens the browser.

    Raises:
        StorageError: the port is taken.
    """
    server = make_server(session, generator, budget, port)
    ready(server.url)
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.serve_forever()
    finally:
        server.release()


def make_server(session: Session, generator: TileGenerator | None, budget: Decimal | None, port: int) -> PageServer:
    """A server that starts to answer with `serve_forever`; arguments as for `serve`.

    Raises:
        UsageError: `budget` is not above 0.
        StorageError: the port is taken.
    """
    if budget is not None and not budget > 0:
        raise UsageError(f"the budget of a page must be above $0, not {budget}")
    payment = Payment(allowed=budget is not None, budget=budget)
    return PageServer(Review(session.root, generator, payment), port)
