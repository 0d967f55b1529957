"""Random damage to the files of a session, applied and reverted in place."""

from __future__ import annotations

import contextlib
import json
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from exquisite.errors import OutcomeUnknownError
from exquisite.pipeline.store.records import seal, unseal

from .faulty_files import QuickFiles
from .tiny import InstantGenerator, PayingGenerator, grow, make_session, tree

__all__ = ["KINDS", "Damage", "damaged_session", "random_damage"]

KINDS = ("flip a bit", "cut", "lengthen", "delete", "zero", "swap", "replace", "foreign file", "edit and seal again")

_UNSAID = "steps/000006/answers/000.outcome.json"
"""Of an unfinished step a body without its outcome is what a crash leaves, not a damage."""


@dataclass(frozen=True)
class Damage:
    """New contents of some files (None: deleted), and what a report must name."""

    kind: str
    changes: Mapping[str, bytes | None]

    def __str__(self) -> str:
        return f"{self.kind}: {', '.join(self.changes)}"

    def is_named_by(self, findings: Iterable[object]) -> bool:
        """Whether the findings name every changed file.

        Verification knows the files of a step by its record, so a finding of the record stands for them.
        """
        texts = [str(finding) for finding in findings]
        named = {name for name in self.changes if any(name in text for text in texts)}
        return all(name in named or _record_of(name) in named for name in self.changes)

    @contextlib.contextmanager
    def done_to(self, root: Path, before: Mapping[str, bytes]) -> Iterator[None]:
        """The damage for the duration of the context, whose end restores `before`."""
        for name, data in self.changes.items():
            path = root / name
            path.unlink(missing_ok=True)
            if data is not None:
                path.write_bytes(data)
        try:
            yield
        finally:
            for name in tree(root).keys() - before.keys():
                (root / name).unlink()
            for name, data in before.items():
                if not (root / name).exists() or (root / name).read_bytes() != data:
                    (root / name).write_bytes(data)


def _record_of(name: str) -> str:
    """The record of the step that a file belongs to, if it belongs to one."""
    return "/".join((*name.split("/")[:2], "step.json"))


def damaged_session(root: Path) -> Mapping[str, bytes]:
    """A session with something of everything: free and paid steps, a rejected one, an accepted one, a branch,
    an undone step and an unfinished one, and a pending zone that was cut. Returns its files."""
    session = make_session(root, ("x_ltr",), files=QuickFiles(), soften_px=3)
    broken_off = PayingGenerator([], breaks_off=[1])
    with contextlib.suppress(OutcomeUnknownError):
        grow(session, "x_rtl", broken_off, candidates=2, artifacts="full")
    grow(session, "x_rtl", broken_off, candidates=2, artifacts="full", retry_ambiguous=True)
    grow(session, "x_ltr", candidates=2, gate=1e-9, artifacts="lean", soften_px=5)
    session.accept(1)
    session.branch("other", at=1)
    grow(session, "x_ltr")
    session.undo()

    class Interrupted(InstantGenerator):
        def generate(self, request, calls):  # type: ignore[no-untyped-def]
            yield from super().generate(request, calls)
            raise KeyboardInterrupt

    with contextlib.suppress(KeyboardInterrupt):
        grow(session, "x_rtl", Interrupted())
    return tree(root)


def random_damage(before: Mapping[str, bytes], kind: str, chance: random.Random) -> Damage:
    """One damage of this kind that changes at least one byte which means something."""
    names = sorted(name for name, data in before.items() if data and not (kind == "delete" and name == _UNSAID))
    name = chance.choice(names)
    data = bytearray(before[name])
    if kind == "flip a bit":
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    elif kind == "cut":
        del data[chance.randrange(len(data)) :]
    elif kind == "lengthen":
        data += chance.randbytes(chance.randint(1, 40))
    elif kind == "zero":
        start = chance.randrange(len(data))
        data[start : start + 64] = bytes(len(data[start : start + 64]))
    elif kind == "delete":
        return Damage(kind, {name: None})
    elif kind == "foreign file":
        return Damage(kind, {f"{name}+{chance.choice(('bak', 'tmp', '1'))}": bytes(data)})
    elif kind in ("swap", "replace"):
        alike = [other for other in names if before[other] != before[name] and _alike(name, other)]
        if not alike:
            return random_damage(before, kind, chance)
        other = chance.choice(alike)
        return Damage(kind, {name: before[other]} | ({other: bytes(data)} if kind == "swap" else {}))
    else:
        return _edit(before, chance)
    return Damage(kind, {name: bytes(data)})


def _alike(name: str, other: str) -> bool:
    """Whether two files are of the same kind, so that one may pass for the other."""
    return Path(name).suffix == Path(other).suffix


def _edit(before: Mapping[str, bytes], chance: random.Random) -> Damage:
    """The record of a step of the canvas, altered and sealed again."""
    names = [f"steps/{number:06d}/step.json" for number in (0, 1, 2, 4)]
    name = chance.choice(names)
    record = unseal(before[name], Path(name))
    key = chance.choice(sorted(record))
    record[key] = chance.choice((None, "edited", 7, [], {}, {"format": 9}))
    data = seal(json.loads(json.dumps(record)))
    return Damage("edit and seal again", {name: data}) if data != before[name] else _edit(before, chance)
