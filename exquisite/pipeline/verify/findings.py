"""What a check of a session reports."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Finding", "VerifyReport"]


@dataclass(frozen=True)
class Finding:
    """One damage.

    Attributes:
        path: the file, relative to the session's folder.
        problem: what is wrong with it.
        consequence: what it costs, or what was done about it.
        repaired: whether the file is again what was recorded.
    """

    path: str
    problem: str
    consequence: str
    repaired: bool = False

    def __str__(self) -> str:
        return f"{'repaired' if self.repaired else 'damaged'}: {self.path}: {self.problem}; {self.consequence}"


@dataclass(frozen=True)
class VerifyReport:
    """The result of `verify`: damages, how many files were checked, and remarks on what is no damage."""

    findings: tuple[Finding, ...]
    checked: int
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the session is whole now."""
        return all(finding.repaired for finding in self.findings)
