"""Labels: people's answers to blind tests in SESSION/labels.jsonl, and their agreement with the metrics.

Each answer is one line, appended and synced, never rewritten. A line is JSON whose last key `sha256` is the hash of the
same JSON without that key, so that altered lines are detected. A line cut short by a power cut is ignored.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ...files import Files
from ...geometry.overlap_score import METRICS
from ...json_types import JsonMapping, JsonObject
from ..store.records import FORMAT_VERSION, Record, sha256

__all__ = ["LABELS_FILE", "LabelSummary", "Labels", "Rate", "parse_label"]

LABELS_FILE = "labels.jsonl"
"""Name of the file with the labels in the session's folder."""

_Z = 1.959964  # quantile of the normal distribution for a 95 % interval
_KINDS = ("find", "ab", "reject")


@dataclass(frozen=True)
class Rate:
    """A number of hits among a number of questions."""

    hits: int
    asked: int

    @property
    def value(self) -> float:
        """The share of hits, 0 to 1; 0 without questions."""
        return self.hits / self.asked if self.asked else 0.0

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % score interval of the share (Wilson 1927); 0 to 1 without questions.

            (p + z²/2n ± z sqrt(p (1 - p)/n + z²/4n²)) / (1 + z²/n)
        """
        if not self.asked:
            return 0.0, 1.0
        n, p, z = self.asked, self.value, _Z
        middle, width = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        whole = 1 + z * z / n
        return max(0.0, (middle - width) / whole), min(1.0, (middle + width) / whole)

    def as_dict(self) -> JsonObject:
        """The rate and its interval as JSON types."""
        return {"hits": self.hits, "asked": self.asked, "rate": self.value, "interval": list(self.interval)}


@dataclass(frozen=True)
class LabelSummary:
    """The statistics of all labels.

    Attributes:
        find: hits among the strips with a seam.
        chance: mean probability that a click at a random place hits the seam of such a strip.
        false_alarms: strips without a seam in which a person saw one.
        agreement: pairs in which a metric preferred the person's choice, among pairs with two preferences.
        ties: number of pairs in which a person saw no difference.
        rejections: number of rejected candidates for each reason.
    """

    find: Rate
    chance: float
    false_alarms: Rate
    agreement: Mapping[str, Rate]
    ties: int
    rejections: Mapping[str, int]

    @property
    def visibility(self) -> tuple[float, float, float]:
        """Value and interval of (hit rate - chance) / (1 - chance): 0 for chance, 1 for seams that are always found."""
        low, high = self.find.interval
        value, low, high = ((rate - self.chance) / (1 - self.chance) for rate in (self.find.value, low, high))
        return value, low, high

    def as_dict(self) -> JsonObject:
        """The summary as JSON types."""
        return {
            "find": self.find.as_dict() | {"chance": self.chance, "visibility": list(self.visibility)},
            "false_alarms": self.false_alarms.as_dict(),
            "agreement": {name: rate.as_dict() for name, rate in self.agreement.items()},
            "ties": self.ties,
            "rejections": dict(self.rejections),
        }


class Labels:
    """The labels of one session."""

    def __init__(self, root: Path, files: Files) -> None:
        self.path = root / LABELS_FILE
        self._files = files

    def append(self, label: JsonMapping) -> Record:
        """Append one label (fields of `LabelRecord`), durable on return; returns the record.

        Raises:
            ValueError: the kind is unknown.
            SessionLockedError: another run is appending one.
            StorageError: the disk fails.
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
        """Every intact label, oldest first."""
        lines = self.path.read_bytes().split(b"\n") if self.path.is_file() else []
        return [record for record in map(parse_label, lines) if record is not None]

    def summary(self) -> LabelSummary:
        """The statistics of all labels."""
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
    """The label in a line; None when the line is empty, cut short or altered."""
    try:
        record = json.loads(line)
        digest = record.pop("sha256")
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return None
    return record if sha256(_line(record)) == digest else None


def _line(record: JsonMapping) -> bytes:
    return json.dumps(record, ensure_ascii=False, allow_nan=False).encode()


def _agreement(pairs: Iterable[Record]) -> dict[str, Rate]:
    """The agreement of each metric with the person, over the pairs that it scores differently."""
    agreed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for pair in pairs:
        for metric, (a, b) in pair["metrics"].items():
            if a != b:
                total[metric] += 1
                agreed[metric] += ("a" if a > b else "b") == pair["chosen"]
    return {metric: Rate(agreed[metric], total[metric]) for metric in METRICS}
