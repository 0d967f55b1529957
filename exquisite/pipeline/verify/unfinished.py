"""What a run that was cut short left in a session: checked as far as its own records go."""

from __future__ import annotations

import re

from ...errors import SessionDamagedError
from ..journal.call_files import read_call_number
from ..store.records import read_record
from ..store.step_folders import step_name
from .findings import Evidence

__all__ = ["Unfinished"]

_DERIVED = re.compile(
    r"(ref_tile|mask|canvas_strip|seam_(before|after)_(feather|cut)|bounds_overlay|cut_(old|new|overlay))\.png"
    r"|prompt_full\.txt"
    r"|score(_metric)?\.json|candidates/\d+/(tile_(out_raw|out_calibrated|out_enforced|strip)\.(png|jpeg|webp|bin)"
    r"|score\.json|model_response_meta\.json)"
)


class Unfinished(Evidence):
    """Checks of steps without a record, and of the pointers by which a rerun finds them."""

    def check_unfinished(self, number: int) -> None:
        """A folder without step.json: what a run that was cut short left, unless records are missing from it."""
        folder = f"steps/{step_name(number)}"
        own = [path for path in self.hashes if path.startswith(f"{folder}/")]
        for path in own:
            name = path.removeprefix(f"{folder}/")
            call = read_call_number(name.removeprefix("answers/")) if name.startswith("answers/") else None
            if name == "request.json" or call is not None or _DERIVED.fullmatch(name):
                self.claimed.add(path)
            if name == "request.json" or (name.startswith("answers/") and name.endswith(".json")):
                self.record(path, f"the answers of step {number} cannot be used again")
        bodies = [path for path in own if path.endswith(".body")]
        for outcome in [path for path in own if path.endswith(".outcome.json")]:
            self._check_body(outcome, number)
        if self.blamed(f"{folder}/step.json"):
            return
        if bodies and not self._check_pointer(number, len(bodies)):
            return
        stored = f"its {len(bodies)} stored answers are used when" if bodies else "it holds no answer;"
        again = "the same command is run again" if bodies else "the next step uses its number"
        self.notes.append(f"step {number} is unfinished: {stored} {again}")

    def _check_pointer(self, number: int, bodies: int) -> bool:
        """Whether a rerun finds the answers of an unfinished step: by its request, and the pointer to that."""
        folder, line = f"steps/{step_name(number)}", f"{number}\n".encode()
        request = f"{folder}/request.json"
        if request not in self.hashes:
            self.found(request, "it is missing", f"the {bodies} stored answers of step {number} cannot be used")
        if self.blamed(request):
            return False
        pointers = [path for path in self.hashes if path.startswith("pending/") and self.content(path) == line]
        try:
            pointer = f"pending/{read_record(self.root / request)['digest']}"
        except (SessionDamagedError, KeyError):
            pointer = ""
        if pointer in pointers:
            return True
        if pointers or not pointer:
            self.found(request, f"it is not the request that step {number} was begun for", "its answers are not found")
            return False
        self.claimed.add(pointer)
        problem = f"it is missing, or {pointer} is, which names the step"
        lost = f"its {bodies} stored answers are not found by a rerun"
        self.found(f"{folder}/step.json", problem, lost, line, "the same command resumes the step", pointer)
        return False

    def _check_body(self, outcome: str, number: int) -> None:
        """Compare the body of an answer with the hash that the outcome of its call keeps."""
        if self.blamed(outcome):
            return
        record = read_record(self.root / outcome)
        lost = f"an answer of step {number} cannot be used"
        if "outcome" not in record:
            self.found(outcome, "it is another record", lost)
        for kind, cost in (("body", lost), ("partial", f"what arrived of an answer of step {number} cannot be seen")):
            path, digest = outcome.replace(".outcome.json", f".{kind}"), record.get(f"{kind}_sha256")
            if isinstance(digest, str) and digest != self.hashes.get(path):
                if path in self.hashes:
                    self.found(outcome, f"it and {path} are not of one answer", cost)
                self.found(path, "it is missing, or was altered after it was written", cost, self.elsewhere(digest))

    def check_pending(self) -> None:
        """Check what the pointers under pending/ say."""
        for path in [path for path in self.hashes if re.fullmatch(r"pending/[0-9a-f]{64}", path)]:
            data = self.content(path)
            if self.blamed(path) or data is None:
                continue
            self.claimed.add(path)
            match = re.fullmatch(rb"(\d{1,12})\n", data)
            if match is None:
                self.found(path, "it names no step", "an unfinished step is not found by a rerun")
            elif int(match[1]) not in self.numbers:
                self.found(path, f"it names step {int(match[1])}, which does not exist", "the request begins anew")
