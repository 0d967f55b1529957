"""The report of a check of a session."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding", "VerifyReport"]


@dataclass(frozen=True)
class Finding:
    """One damage.

    Attributes:
        path: the file, relative to the session's folder.
        problem: the damage.
        consequence: the consequence of the damage, or of the repair.
        repaired: whether the file has its recorded content again.
    """

    path: str
    problem: str
    consequence: str
    repaired: bool = False

    def __str__(self) -> str:
        return f"{'repaired' if self.repaired else 'damaged'}: {self.path}: {self.problem}; {self.consequence}"


@dataclass(frozen=True)
class VerifyReport:
    """The result of `verify`: damages, the number of checked files, and notes on what is no damage."""

    findings: tuple[Finding, ...]
    checked: int
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the session is intact now."""
        return all(finding.repaired for finding in self.findings)
