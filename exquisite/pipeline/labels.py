"""What people see: their answers to blind tests, kept in SESSION/labels.jsonl, and what the answers say of the metrics.

One line an answer, appended and synced, never rewritten. A line is JSON whose last key `sha256` is the hash of the
same JSON without that key, so that an altered line is noticed; a line that a power cut left unfinished is not counted.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..files import Files
from ..geometry.overlap_score import METRICS
from .store.records import FORMAT_VERSION, Record, sha256

__all__ = ["LABELS_FILE", "LabelSummary", "Labels", "Rate", "parse_label"]

LABELS_FILE = "labels.jsonl"
"""The file of the answers, in the session's folder."""

_Z = 1.959964  # of a 95 % interval of the normal distribution
_KINDS = ("find", "ab", "reject")


@dataclass(frozen=True)
class Rate:
    """How often something happened, of how many times it could have."""

    hits: int
    asked: int

    @property
    def value(self) -> float:
        """The share, 0 to 1; 0 where nothing was asked."""
        return self.hits / self.asked if self.asked else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval of the share (Wilson 1927); all of 0 to 1 where nothing was asked.

            (p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n)
        """
        if not self.asked:
            return 0.0, 1.0
        n, p, z = self.asked, self.value, _Z
        middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        whole = 1 + z * z / n
        return max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole)

    def as_dict(self) -> dict[str, Any]:
        """The rate and its interval as JSON types."""
        return {"hits": self.hits, "asked": self.asked, "rate": self.value, "interval": list(self.interval)}


@dataclass(frozen=True)
class LabelSummary:
    """What the answers of people say.

    Attributes:
        find: how often a seam was clicked on, of the strips that had one.
        chance: how often a click at a random place would have hit it, mean over those strips.
        false_alarms: how often a seam was seen in a strip that had none.
        agreement: for each metric how often it preferred what a person preferred, of the pairs where both did.
        ties: pairs in which a person saw no difference.
        rejections: how often each reason was given for rejecting a candidate.
    """

    find: Rate
    chance: float
    false_alarms: Rate
    agreement: Mapping[str, Rate]
    ties: int
    rejections: Mapping[str, int]

    @property
    def visibility(self) -> tuple[float, float, float]:
        """(value, low, high) of (hit rate - chance) / (1 - chance): 0 where seams are found by luck only, 1 always."""
        low, high = self.find.interval
        value, low, high = ((rate - self.chance) / (1 - self.chance) for rate in (self.find.value, low, high))
        return value, low, high

    def as_dict(self) -> dict[str, Any]:
        """The summary as JSON types."""
        return {
            "find": self.find.as_dict() | {"chance": self.chance, "visibility": list(self.visibility)},
            "false_alarms": self.false_alarms.as_dict(),
            "agreement": {name: rate.as_dict() for name, rate in self.agreement.items()},
            "ties": self.ties,
            "rejections": dict(self.rejections),
        }


class Labels:
    """The answers of one session."""

    def __init__(self, root: Path, files: Files) -> None:
        self.path = root / LABELS_FILE
        self._files = files

    def append(self, label: Mapping[str, Any]) -> Record:
        """Add one answer (fields of `LabelRecord`), durable on return; returns the record.

        Raises:
            ValueError: not one of the kinds of answers.
            SessionLockedError: another run is adding one.
            StorageError: the disk refused.
        """
        if label.get("kind") not in _KINDS:
            raise ValueError(f"unknown kind of label {label.get('kind')!r}: use one of {', '.join(_KINDS)}")
        record = {"format": FORMAT_VERSION, **label}
        line = _line(record | {"sha256": sha256(_line(record))})
        lock = self._files.lock(self.path)
        try:
            torn = self.path.stat().st_size > 0 and not self.path.read_bytes().endswith(b"\n")
            self._files.append(self.path, b"\n" * torn + line + b"\n")
        finally:
            lock.release()
        return record

    def read(self) -> list[Record]:
        """Every whole answer, oldest first."""
        lines = self.path.read_bytes().split(b"\n") if self.path.is_file() else []
        return [record for record in map(parse_label, lines) if record is not None]

    def summary(self) -> LabelSummary:
        """What the answers say."""
        labels = self.read()
        find = [label for label in labels if label["kind"] == "find"]
        seams = [label for label in find if label["seam_px"] is not None]
        empty = [label for label in find if label["seam_px"] is None]
        pairs = [label for label in labels if label["kind"] == "ab"]
        reasons = Counter(str(label["reason"]) for label in labels if label["kind"] == "reject")
        return LabelSummary(
            find=Rate(sum(label["hit"] for label in seams), len(seams)),
            chance=math.fsum(label["chance"] for label in seams) / max(1, len(seams)),
            false_alarms=Rate(sum(label["click_px"] is not None for label in empty), len(empty)),
            agreement=_agreement(label for label in pairs if label["chosen"] != "same"),
            ties=sum(label["chosen"] == "same" for label in pairs),
            rejections=dict(reasons.most_common()),
        )


def parse_label(line: bytes) -> Record | None:
    """The answer in a line; None when the line is empty, cut short or altered."""
    try:
        record = json.loads(line)
        digest = record.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return record if sha256(_line(record)) == digest else None


def _line(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode()


def _agreement(pairs: Iterable[Record]) -> dict[str, Rate]:
    """For each metric that told the two apart, how often its preference was the person's."""
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for pair in pairs:
        for metric, (a, b) in pair["metrics"].items():
            if a != b:
                total[metric] += 1
                agreed[metric] += ("a" if a > b else "b") == pair["chosen"]
    return {metric: Rate(agreed[metric], total[metric]) for metric in METRICS}
