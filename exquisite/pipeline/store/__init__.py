"""The files of a session: sealed records, strips, step folders, heads, and the lock of the one writer."""

from .step_folders import SEED
from .store import BRANCH_NAME, Store

__all__ = ["BRANCH_NAME", "SEED", "Store"]
