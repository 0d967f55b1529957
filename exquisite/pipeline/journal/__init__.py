"""Records paid calls: requests, answers and costs."""

from .journal import Journal

__all__ = ["Journal"]
