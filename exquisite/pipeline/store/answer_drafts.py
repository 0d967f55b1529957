"""Drafts of answers: an answer is paid for, so a draft that reached the disk whole outlives a failure of the disk.

    tmp/000012-003.<sha256>.body     the answer to call 3 of step 12 while it is being written

The hash in the name tells a whole draft from half of one, whatever happened in between.
"""

from __future__ import annotations

import re
from pathlib import Path

from .records import read_file, sha256
from .session_files import SessionFiles
from .step_folders import step_name

__all__ = ["answer_draft", "recover_draft"]

_NAME = re.compile(r"(?P<step>\d{6,12})-(?P<call>\d{3,})\.(?P<sha256>[0-9a-f]{64})\.body")


def answer_draft(step: int, call: str, body: bytes) -> str:
    """The name of the draft of an answer.

    Args:
        step: number of the step.
        call: number of the call, as in the names of its files.
        body: the answer.
    """
    return f"{step_name(step)}-{call}.{sha256(body)}.body"


def recover_draft(draft: Path, disk: SessionFiles) -> None:
    """Put the draft of an answer in its place if the call still lacks one, and remove any other draft.

    The draft is written again, since the failure may have come before its content was durable. The files of a finished
    step never change, and neither does a call that has an outcome. The caller holds the lock.
    """
    name = _NAME.fullmatch(draft.name)
    if name is not None:
        answers = disk.root / "steps" / name["step"] / "answers"
        body, outcome = (answers / f"{name['call']}.{kind}" for kind in ("body", "outcome.json"))
        waits = (answers / f"{name['call']}.intent.json").is_file() and not body.exists() and not outcome.exists()
        if waits and not (answers.parent / "step.json").exists() and sha256(data := read_file(draft)) == name["sha256"]:
            disk.write(body, data)
    disk.files.unlink(draft)
