"""The record of paid calls: what was sent, what came back, what it cost."""

from .journal import Journal

__all__ = ["Journal"]
