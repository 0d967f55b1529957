"""The steps of a session on disk: written, read, derived again, chosen from again and made again.

    commit, styles               writes a step, with the style of its strip
    rederive, answered           derives a step again from its stored answers, for a check or a later choice
    redo                         makes a step again, and reuses the answers of the later steps
    status                       what the records and the ledger say of the whole session
"""

from .redo import LaterStep, RedoResult, StepChanges, redo_inputs, redo_step
from .status import Status, session_status

__all__ = ["LaterStep", "RedoResult", "Status", "StepChanges", "redo_inputs", "redo_step", "session_status"]
