"""The files of a session: sealed records, strips, step folders, heads, and the lock of the one writer."""

from .store import BRANCH_NAME, SEED, Store

__all__ = ["BRANCH_NAME", "SEED", "Store"]
