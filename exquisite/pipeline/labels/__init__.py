"""People's judgement: answers to blind tests, accepted candidates, and how often each metric agrees with them."""

from .labels import LABELS_FILE, Labels, LabelSummary, Rate, parse_label

__all__ = ["LABELS_FILE", "LabelSummary", "Labels", "Rate", "parse_label"]
