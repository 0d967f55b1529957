"""Forbids tests to reach the network, or to import more than the package may.

Used by conftest.py for the suite, and by `children.py` for the processes that tests start.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

__all__ = ["FORBIDDEN_IMPORTS", "ForbiddenImportError", "NetworkUsedError", "block_imports", "block_network"]

FORBIDDEN_IMPORTS = ("numpy", "scipy", "cv2", "skimage", "torch", "openai", "requests")


class NetworkUsedError(AssertionError):
    """A test tried to reach something other than the loopback address."""


class ForbiddenImportError(ImportError):
    """A package was imported that neither the project nor its tests may use."""


class _Blocker(MetaPathFinder):
    """Stands first among the finders and refuses the forbidden packages, installed or not."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in FORBIDDEN_IMPORTS:
            raise ForbiddenImportError(
                f"{fullname} is blocked: the project runs on the standard library, PIL and httpx"
            )
        return None


def block_imports() -> None:
    """Make every import of a forbidden package fail from now on, in this process."""
    if not any(isinstance(finder, _Blocker) for finder in sys.meta_path):
        sys.meta_path.insert(0, _Blocker())


def block_network() -> None:
    """Make every connection and look-up beyond the loopback address fail from now on, in this process."""
    for name in ("connect", "connect_ex", "sendto"):
        setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    real_lookup = socket.getaddrinfo

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        _require_loopback(host)
        return real_lookup(host, *args, **kwargs)

    socket.getaddrinfo = guarded_lookup


def _guarded(method: Any) -> Any:
    def guarded(self: socket.socket, *args: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6):
            address = args[-1]
            _require_loopback(address[0])
        return method(self, *args)

    return guarded


def _require_loopback(host: Any) -> None:
    if isinstance(host, bytes):
        host = host.decode("ascii", "replace")
    if host in (None, "", "localhost"):
        return
    try:
        loopback = ipaddress.ip_address(host).is_loopback
    except ValueError:
        loopback = False
    if not loopback:
        raise NetworkUsedError(f"a test reached for {host!r}; only the loopback address is allowed")
