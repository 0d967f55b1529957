"""The errors of the package: one base, leaves that also inherit a builtin.

    ExquisiteError                          exit code 1
    ├── ContractError (ValueError)                        a contract that breaks a rule
    ├── UsageError (ValueError)                        2  an unknown mode, option or verb
    ├── PictureError (ValueError)                         a picture that cannot be used as it is
    │   └── CanvasError                                   a canvas of the wrong size or mode
    ├── AnswerError (ValueError)                          an answer that holds no usable picture
    ├── StorageError (OSError)                            the disk refused: full, read-only, broken
    ├── SessionError (RuntimeError)                    7  a session that cannot be used
    │   ├── SessionExistsError (FileExistsError)       1  there is a session at that path already
    │   ├── SessionNotFoundError (FileNotFoundError)   1  there is no session at that path
    │   ├── SessionDamagedError                        7  a file is missing, altered or unreadable
    │   └── SessionLockedError (BlockingIOError)       7  another run is writing
    ├── PaymentError (RuntimeError)                    4  refused to pay: over budget, or not confirmed
    ├── ServerError (RuntimeError)
    │   ├── RejectedByServerError                      5  the server said no, for good
    │   ├── ServerUnavailableError (ConnectionError)   6  not sent, or refused for now; nothing billed
    │   └── OutcomeUnknownError (TimeoutError)         9  sent, not answered: perhaps billed
    │       └── AnswerNotStoredError (StorageError)    9  answered, and the disk refused the answer
    └── ReplayError (LookupError)                      8  a recording does not match the requests

A refusal by the gate is not an error: the step returns a StepResult with status "rejected" (exit code 3).
"""

from __future__ import annotations

import errno
from typing import ClassVar

__all__ = [
    "AnswerError",
    "AnswerNotStoredError",
    "CanvasError",
    "ContractError",
    "ExquisiteError",
    "OutcomeUnknownError",
    "PaymentError",
    "PictureError",
    "RejectedByServerError",
    "ReplayError",
    "ServerError",
    "ServerUnavailableError",
    "SessionDamagedError",
    "SessionError",
    "SessionExistsError",
    "SessionLockedError",
    "SessionNotFoundError",
    "StorageError",
    "UsageError",
]


class ExquisiteError(Exception):
    """Base of every error that this package raises on purpose; `exit_code` is that of the command line."""

    exit_code: ClassVar[int] = 1


class ContractError(ExquisiteError, ValueError):
    """A contract that breaks one of its rules; the message lists every broken rule."""


class UsageError(ExquisiteError, ValueError):
    """A name or value that the caller may not use, such as an unknown mode."""

    exit_code = 2


class PictureError(ExquisiteError, ValueError):
    """A picture that cannot be used as it is."""


class CanvasError(PictureError):
    """A canvas, band or tile whose size or mode does not fit the contract."""


class AnswerError(ExquisiteError, ValueError):
    """An answer that holds no usable picture."""


class StorageError(ExquisiteError, OSError):
    """The file system refused an operation."""

    @property
    def is_full(self) -> bool:
        """Whether there was no space left."""
        return self.errno in (errno.ENOSPC, errno.EDQUOT)

    def saying(self, text: str) -> StorageError:
        """The same error with another text."""
        error = StorageError(text)
        error.errno = self.errno
        return error


class SessionError(ExquisiteError, RuntimeError):
    """A session that cannot be used."""

    exit_code = 7


class SessionExistsError(SessionError, FileExistsError):
    """The path of a new session is already in use."""

    exit_code = 1


class SessionNotFoundError(SessionError, FileNotFoundError):
    """There is no session at the path."""

    exit_code = 1


class SessionDamagedError(SessionError):
    """A file of the session is missing, altered, unreadable or from a newer version."""


class SessionLockedError(SessionError, BlockingIOError):
    """Another run is writing to the session."""


class PaymentError(ExquisiteError, RuntimeError):
    """A payment was not made: over the budget, or not confirmed. Nothing was sent."""

    exit_code = 4


class ServerError(ExquisiteError, RuntimeError):
    """Base of the errors of model servers."""

    exit_code = 6


class RejectedByServerError(ServerError):
    """The server refused the request for good; sending it again would change nothing."""

    exit_code = 5


class ServerUnavailableError(ServerError, ConnectionError):
    """The request was not sent, or was refused for now; nothing was billed."""

    exit_code = 6


class OutcomeUnknownError(ServerError, TimeoutError):
    """The request was sent and no complete answer arrived: it may have been billed, and is not sent again."""

    exit_code = 9


class AnswerNotStoredError(OutcomeUnknownError, StorageError):
    """The disk refused a paid answer: the next run uses it if all of it is on disk; otherwise the call is in doubt."""


class ReplayError(ExquisiteError, LookupError):
    """A recording does not hold the request, or holds one that was never made."""

    exit_code = 8
