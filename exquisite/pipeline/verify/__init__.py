"""Checks every file of a session, and repairs what its other files determine."""

from .checks import verify_path
from .findings import Finding, VerifyReport

__all__ = ["Finding", "VerifyReport", "verify_path"]
