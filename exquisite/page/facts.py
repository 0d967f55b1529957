"""The facts of one step that page and report show, read from its records as JSON types; they hold no secret."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ..json_types import JsonMapping
from ..pipeline.journal.call_files import call_numbers
from ..pipeline.journal.calls import Call, read_call
from ..pipeline.labels import Labels
from ..pipeline.store import Store
from ..pipeline.store.records import Record, read_record
from .drawings import TONE_AT
from .pictures import TREATMENTS, step_frame

__all__ = ["MARGINS", "calibration_words", "from_one", "gate_margin", "read_score", "step_facts"]

MARGINS = {"below": 0.0, "near": 0.35}
"""Upper bound of `gate_margin` for each word; a seam above both is clear of the gate."""

_NEGLIGIBLE_PX = 0.05  # the shift is printed with one decimal
_NEGLIGIBLE_SCALE = 0.0005  # half a pixel over a tile of the classic contract
_NEGLIGIBLE_LEVELS = 1.0  # one level of 8 bits


def step_facts(store: Store, number: int) -> Record:
    """Everything that page and report show of step `number`.

    Raises:
        SessionDamagedError: there is no such finished step, or a record cannot be read.
    """
    record = store.steps.record(number)
    accepted = record.get("accepted") or {}
    facts: Record = {
        "step": number,
        "kind": record["kind"],
        "status": record["status"],
        "parent": record["parent"],
        "mode": record.get("mode"),
        "reason": from_one(record.get("reason", "")),
        "words": record.get("words", ""),
        "options": record.get("options", {}),
        "chosen": record.get("chosen"),
        "canvas": record.get("canvas"),
        "answers_of": accepted.get("step", number),
        "by_person": accepted.get("candidate") is not None,
    }
    if record["parent"] is None:
        return facts | {"candidates": [], "init": record.get("init", {})}
    score = read_score(store, number)
    entries = score.get("candidates") or [{"candidate": index} for index in range(record.get("candidates", 0))]
    source = int(facts["answers_of"])
    return facts | {
        "metric": score.get("metric"),
        "best": score.get("best"),
        "best_by_metric": score.get("best_by_metric", {}),
        "gate": score.get("gate"),
        "feather": score.get("feather"),
        "margin": gate_margin(score),
        "candidates": [_candidate(store, number, one) for one in entries],
        "treatments": [name for name in TREATMENTS if name != "cut" or any(one.get("cut") for one in entries)],
        "frame": _frame(store, number),
        "prompt": _prompt(store, source),
        "generator": _request(store, source).get("generator", {}),
        "calls": _calls(store, source),
        "rejections": [
            {"candidate": label.get("candidate"), "reason": label["reason"]}
            for label in Labels(store.root, store.files).read()
            if label["kind"] == "reject" and label["step"] == number
        ],
    }


def from_one(text: str) -> str:
    """Renumber the candidates in a reason from 1, as on the page; records number them from 0."""
    return re.sub(r"\b(candidate) (\d+)\b", lambda match: f"{match[1]} {int(match[2]) + 1}", text)


def read_score(store: Store, number: int) -> Record:
    """`score.json` of a step; empty when the step has no such file."""
    return _json(store.steps.folder(number) / "score.json")


def gate_margin(score: JsonMapping) -> float | None:
    """How far the seam of the chosen candidate, or of the best, is above the gate.

    0 is exactly at the gate, 1 is no visible seam. With two seams the smaller margin counts. None when the step had no
    gate or its scores cannot be read.
    """
    gate, chosen = score.get("gate"), score.get("chosen")
    chosen = score.get("best") if chosen is None else chosen
    candidates = score.get("candidates") or []
    if not gate or chosen is None or chosen >= len(candidates) or "metrics" not in candidates[chosen]:
        return None
    gates = [gate, *([score["far_gate"]] if "far_gate" in score else [])]
    margins = []
    for one, seam in zip(gates, candidates[chosen].get("seams", [candidates[chosen]]), strict=True):
        threshold = float(one["threshold"])
        margins.append((float(seam["metrics"]["seam"]) - threshold) / max(abs(threshold), 1e-9))
    return min(margins)


def calibration_words(calibration: JsonMapping) -> list[str]:
    """What a calibration measured and corrected, as sentences."""
    sentences = [f"{'Applied' if calibration.get('applied') else 'Not applied'}: {calibration.get('reason', '')}."]
    along, across = calibration.get("shift") or (0.0, 0.0)
    if abs(along) > _NEGLIGIBLE_PX or abs(across) > _NEGLIGIBLE_PX:
        sentences.append(f"The redraw was off by {along:+.1f} px in the direction of growth and {across:+.1f} across.")
    zoom_along, zoom_across = calibration.get("scale") or (1.0, 1.0)
    if abs(zoom_along - 1) > _NEGLIGIBLE_SCALE or abs(zoom_across - 1) > _NEGLIGIBLE_SCALE:
        sentences.append(f"It was {zoom_along:.2%} as long and {zoom_across:.2%} as wide as the band.")
    local = max(map(abs, calibration.get("local_px") or (0.0,)))
    if local > _NEGLIGIBLE_PX:
        sentences.append(f"Local distortion reached {local:.1f} px more.")
    curves = calibration.get("tone") or ()
    pairs = (pair for levels in curves for pair in zip(TONE_AT, levels, strict=False))
    change = max((abs(to - at) for at, to in pairs), default=0.0)
    if change > _NEGLIGIBLE_LEVELS:
        sentences.append(f"Its tone was off by up to {change:.0f} of 255 levels.")
    before, after = calibration.get("residual_before", 0.0), calibration.get("residual_after", 0.0)
    if before:
        sentences.append(f"The residual on the redrawn band changed from {before:.1f} to {after:.1f} levels.")
    if calibration.get("kept", 1.0) < 1.0:
        sentences.append(f"The model recomposed {1 - calibration['kept']:.0%} of the band.")
    if calibration.get("rim_px"):
        sentences.append(f"{calibration['rim_px']} px at the outer edge had no source pixels.")
    return sentences


def _candidate(store: Store, number: int, score: JsonMapping) -> Record:
    index = int(score["candidate"])
    meta = _json(store.steps.folder(number) / "candidates" / str(index) / "model_response_meta.json")
    calibration = score.get("calibration") or {}
    if "verdict" in score:
        score = {**score, "verdict": from_one(score["verdict"])}
    return {**score, "words": calibration_words(calibration) if calibration else [], "meta": meta}


def _frame(store: Store, number: int) -> Record:
    """The positions of band, seam and new pixels in the picture of a candidate in place."""
    frame = step_frame(store, number)
    return {
        "size": list(frame.grown_size),
        "axis": frame.mode.axis,
        "side": frame.mode.side,
        "seam": frame.seam,
        "growth": list(frame.growth),
        "overlap_px": frame.contract.overlap_px,
    }


def _prompt(store: Store, number: int) -> str:
    path = store.steps.folder(number) / "prompt_full.txt"
    return path.read_text("utf-8") if path.is_file() else str(_request(store, number).get("prompt", ""))


def _request(store: Store, number: int) -> Record:
    path = store.steps.folder(number) / "request.json"
    return read_record(path) if path.is_file() else {}


def _calls(store: Store, number: int) -> list[Record]:
    """The paid calls of a step: number, model, outcome, request id and price of each."""
    folder = store.steps.folder(number) / "answers"
    calls = []
    for call in (read_call(folder, at) for at in call_numbers(folder)):
        if not call.intended:
            continue
        calls.append(
            {
                "call": call.number,
                "model": call.request.get("model") or call.request.get("fields", {}).get("model"),
                "outcome": call.status,
                "reason": call.outcome.get("reason", ""),
                "request_id": next((v for name, v in call.headers.items() if "request-id" in name.lower()), None),
                "price": _price(call),
            }
        )
    return calls


def _price(call: Call) -> str:
    """The cost of a call, or its upper bound while the bill is unknown; "" for a call without cost."""
    if call.is_free:
        return ""
    if call.body is not None:
        return call.bill.in_words(call.reserved)
    return f"at most ${call.reserved:.2f}" if call.reserved else ""


def _json(path: Path) -> Record:
    """The object in a JSON file; empty when the file is missing or cannot be read."""
    try:
        return dict(json.loads(path.read_bytes()))
    except (OSError, ValueError):
        return {}
