"""Checks every file of a session, and repairs what its other files determine."""

from .checks import Finding, VerifyReport, verify_path

__all__ = ["Finding", "VerifyReport", "verify_path"]
