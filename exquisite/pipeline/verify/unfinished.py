"""Checks the unfinished steps that an interrupted run left in a session."""

from __future__ import annotations

import re
from collections.abc import Collection

from ...errors import SessionDamagedError
from ..journal.call_files import read_call_number
from ..store.records import read_record
from ..store.step_folders import step_name
from .evidence import Evidence, Replacement

__all__ = ["check_pending", "check_unfinished"]

_DERIVED = re.compile(
    r"(ref_tile|mask|(far_)?(canvas_strip|seam_(before|after)_(feather|cut)|bounds_overlay|cut_(old|new|overlay)))\.png"
    r"|prompt_full\.txt"
    r"|score(_metric)?\.json|candidates/\d+/((far_)?tile_(out_raw|out_calibrated|out_enforced|strip)\.(png|jpeg|webp|bin)"
    r"|score\.json|model_response_meta\.json)"
)


def check_unfinished(evidence: Evidence, number: int) -> None:
    """Check a folder without step.json: an unfinished step, or a finished one that lost its record."""
    folder = f"steps/{step_name(number)}"
    own = [path for path in evidence.hashes if path.startswith(f"{folder}/")]
    for path in own:
        name = path.removeprefix(f"{folder}/")
        call = read_call_number(name.removeprefix("answers/")) if name.startswith("answers/") else None
        if name == "request.json" or call is not None or _DERIVED.fullmatch(name):
            evidence.claimed.add(path)
        if name == "request.json" or (name.startswith("answers/") and name.endswith(".json")):
            evidence.record(path, f"the answers of step {number} cannot be used again")
    bodies = [path for path in own if path.endswith(".body")]
    for outcome in [path for path in own if path.endswith(".outcome.json")]:
        _check_body(evidence, outcome, number)
    if evidence.blames(f"{folder}/step.json"):
        return
    if bodies and not _check_pointer(evidence, number, len(bodies)):
        return
    if bodies:
        fate = f"its {len(bodies)} stored answers are used when the same command is run again"
    elif any(path.startswith(f"{folder}/answers/") for path in own):
        fate = "one of its calls was started and has no answer: `status` shows whether it is in doubt"
    else:
        fate = "it has no answer; the next step reuses its number"
    evidence.notes.append(f"step {number} is unfinished: {fate}")


def _check_pointer(evidence: Evidence, number: int, bodies: int) -> bool:
    """Check that a rerun finds the answers of an unfinished step, by its request and the pointer to it."""
    folder, line = f"steps/{step_name(number)}", f"{number}\n".encode()
    request = f"{folder}/request.json"
    if request not in evidence.hashes:
        evidence.report(request, "it is missing", f"the {bodies} stored answers of step {number} cannot be used")
    if evidence.blames(request):
        return False
    pointers = [path for path in evidence.hashes if path.startswith("pending/") and evidence.content(path) == line]
    try:
        pointer = f"pending/{read_record(evidence.root / request)['digest']}"
    except (SessionDamagedError, KeyError):
        pointer = ""
    if pointer in pointers:
        return True
    if pointers or not pointer:
        evidence.report(request, f"it is not the request of step {number}", "a rerun does not find its answers")
        return False
    evidence.claimed.add(pointer)
    problem = f"it is missing, or {pointer} is, which names the step"
    consequence = f"a rerun does not find its {bodies} stored answers"
    replacement = Replacement(line, "the same command resumes the step", pointer)
    evidence.report(f"{folder}/step.json", problem, consequence, replacement)
    return False


def _check_body(evidence: Evidence, outcome: str, number: int) -> None:
    """Compare the body of an answer with the hash in the outcome of its call."""
    if evidence.blames(outcome):
        return
    record = read_record(evidence.root / outcome)
    consequence = f"an answer of step {number} cannot be used"
    if "outcome" not in record:
        evidence.report(outcome, "it is another record", consequence)
    partial = f"the received part of an answer of step {number} is unreadable"
    for kind, cost in (("body", consequence), ("partial", partial)):
        path, digest = outcome.replace(".outcome.json", f".{kind}"), record.get(f"{kind}_sha256")
        if isinstance(digest, str) and digest != evidence.hashes.get(path):
            if path in evidence.hashes:
                evidence.report(outcome, f"it does not belong to the same answer as {path}", cost)
            data = evidence.elsewhere(digest)
            problem = "it is missing, or was altered after it was written"
            evidence.report(path, problem, cost, None if data is None else Replacement(data))


def check_pending(evidence: Evidence, numbers: Collection[int]) -> None:
    """Check the pointers under pending/."""
    for path in [path for path in evidence.hashes if re.fullmatch(r"pending/[0-9a-f]{64}", path)]:
        data = evidence.content(path)
        if evidence.blames(path) or data is None:
            continue
        evidence.claimed.add(path)
        match = re.fullmatch(rb"(\d{1,12})\n", data)
        if match is None:
            evidence.report(path, "it names no step", "a rerun does not find an unfinished step")
        elif int(match[1]) not in numbers:
            evidence.report(path, f"it names step {int(match[1])}, which does not exist", "the request starts again")
