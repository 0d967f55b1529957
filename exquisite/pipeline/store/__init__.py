"""The files of a session: sealed records, strips, step folders, heads, and the lock of the one writer."""

from .step_folders import SEED
from .store import Store

__all__ = ["SEED", "Store"]
