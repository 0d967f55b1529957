"""Every record of a session on disk, field by field; FORMAT.md is generated from these types.

Each field is `Annotated` with its meaning and its unit. A field that only some records have, or that a later version
added, is `NotRequired`. Sizes are [width, height] and points [x, y], in pixels; coordinates are signed, from the top
left of the seed picture. Amounts of money are decimal numbers in USD, as text, so that no digit is lost.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from .score_types import CandidateRecord, GateRecord, Json, ScoreRecord, SeamRecord

__all__ = [
    "RECORDS",
    "AcceptedRecord",
    "BoxRecord",
    "CallRecord",
    "CellRecord",
    "ContractRecord",
    "ExperimentRecord",
    "LabelRecord",
    "LedgerRecord",
    "OptionsRecord",
    "OutcomeRecord",
    "PendingRecord",
    "PieceRecord",
    "PlanRecord",
    "ReferenceRecord",
    "RequestRecord",
    "SeedStyleRecord",
    "SessionRecord",
    "SettlementRecord",
    "SignatureRecord",
    "StepRecord",
    "StyleRecord",
    "TipsRecord",
    "TotalsRecord",
    "TrendRecord",
]

Axis = Literal["x", "y"]
ModeName = Literal["x_ltr", "x_rtl", "y_ttb", "y_btt"]
Pixels = Annotated[list[int], "two whole numbers"]
Sha256 = Annotated[str, "64 hexadecimal digits"]
StepStatus = Literal["committed", "rejected", "refused"]
Usd = Annotated[str, "decimal number"]


class ContractRecord(TypedDict):
    """The sizes of every step: the fields of `TileContract`, in pixels."""

    tile_px: Annotated[int, "edge of the tile along the growing axis, in pixels"]
    band_px: Annotated[int, "depth of the band, in pixels"]
    overlap_px: Annotated[int, "old pixels that the patch covers, in pixels"]
    advance_px: Annotated[int, "new pixels of a step, in pixels"]
    across_px: NotRequired[Annotated[int, "edge of the tile across that axis, in pixels; missing for a square tile"]]


class PieceRecord(TypedDict):
    """One strip of the canvas."""

    sha256: Annotated[Sha256, "hash of the file strips/<sha256>.png"]
    origin: Annotated[Pixels, "top left corner"]
    size: Annotated[Pixels, "width and height"]


class BoxRecord(TypedDict):
    """The box of the canvas."""

    origin: Annotated[Pixels, "top left corner"]
    size: Annotated[Pixels, "width and height"]


class TipsRecord(TypedDict):
    """At each end of the canvas the fewest strips that cover the band, outermost first, without pending pieces."""

    low: Annotated[list[PieceRecord], "left or top end"]
    high: Annotated[list[PieceRecord], "right or bottom end"]


class PendingRecord(TypedDict):
    """The pending pieces, which the next step at each end of the canvas may still change."""

    low: NotRequired[Annotated[PieceRecord, "left or top end"]]
    high: NotRequired[Annotated[PieceRecord, "right or bottom end"]]


class TotalsRecord(TypedDict):
    """Running totals, so that no command has to read all steps."""

    steps: Annotated[int, "committed steps up to this one"]
    candidates: Annotated[int, "candidates of these steps"]


class OptionsRecord(TypedDict):
    """The fields of `StepOptions`."""

    candidates: Annotated[int, "number of candidates, 1 to 10"]
    feather_px: Annotated[int | Literal["auto"], "width of the feather, in pixels; auto: chosen by the gate"]
    calibrate: Annotated[bool, "whether the drift is corrected"]
    gate: Annotated[float | None, "factor of the gate; null for none"]
    metric: Annotated[str, "metric that chooses"]
    scaffold_fill: Annotated[str, "fill of the generated half of the reference tile, or file:<sha256> of a picture"]
    continuation_cue: Annotated[bool, "whether marks invite continuation"]
    prompt_strength: Annotated[int, "amount of text around the user prompt, 0 to 3"]
    artifacts: Annotated[Literal["full", "lean", "none"], "which files of a step are stored"]
    soften_px: NotRequired[Annotated[int, "width of the zone that a step leaves pending, in pixels; 0 if missing"]]
    soften_seed: NotRequired[Annotated[bool, "whether a first step may cut inside the seed picture; false if missing"]]
    soft_mask: NotRequired[Annotated[bool, "whether the mask ramps over the pending zone; false if missing"]]
    anchor: NotRequired[Annotated[float, "largest share of a deviation in style that a step corrects"]]
    close: NotRequired[Annotated[bool, "whether the step closes the canvas to a loop; false if missing"]]
    references: NotRequired[Annotated[list[str], "pictures of the request: kind:<sha256> of each; none if missing"]]
    scaffold_offset_px: NotRequired[Annotated[int, "pixels of a scaffold picture before the seam; 0 if missing"]]


class ReferenceRecord(TypedDict):
    """A reference picture of a request; its file is `pictures/<sha256>.png`."""

    kind: Annotated[Literal["seed", "map", "file"], "kind: seed picture, scaled-down canvas, or picture file"]
    sha256: Annotated[Sha256, "hash of its size, as WIDTHxHEIGHT and a space, and its RGB pixels"]
    size: Annotated[Pixels, "width and height"]


class PlanRecord(TypedDict):
    """The line of a plan that a step follows."""

    name: Annotated[str, "name of the plan"]
    sha256: Annotated[Sha256, "hash of the plan's file at the time of the request"]
    line: Annotated[int, "number of the line, from 1"]
    step: Annotated[int, "number of the step within the plan, from 1"]


class RequestRecord(TypedDict):
    """`steps/NNNNNN/request.json`: the request of a step. Equal requests may share answers."""

    format: Annotated[int, "version of the format"]
    base: Annotated[int, "parent step"]
    mode: Annotated[ModeName, "direction"]
    contract: Annotated[ContractRecord, "sizes of the step; a closing step fills the whole gap between two bands"]
    band_sha256: Annotated[Sha256, "hash of the RGB pixels of the band"]
    scaffold_fill: Annotated[str, "as in the options"]
    continuation_cue: Annotated[bool, "as in the options"]
    words: Annotated[str, "user prompt"]
    prompt: Annotated[str, "full prompt"]
    generator: Annotated[Json, "settings of the generator that determine its answers, without secrets"]
    candidates: Annotated[int, "number of requested tiles"]
    soft_px: NotRequired[Annotated[int, "width of the ramp of a soft mask, in pixels"]]
    beginning_sha256: NotRequired[Annotated[Sha256, "hash of the RGB pixels of the other band, of a closing step"]]
    beginning_soft_px: NotRequired[Annotated[int, "width of the ramp of a soft mask at that band, in pixels"]]
    scaffold_offset_px: NotRequired[Annotated[int, "as in the options"]]
    references: NotRequired[Annotated[list[ReferenceRecord], "reference pictures, in the order in which they are sent"]]
    options: NotRequired[Annotated[OptionsRecord, "options of the step; not part of the digest"]]
    plan: NotRequired[Annotated[PlanRecord, "line of a plan that it follows; not part of the digest"]]
    digest: NotRequired[Annotated[Sha256, "hash of the fields but options and plan; names the file pending/<digest>"]]


class AcceptedRecord(TypedDict):
    """A later choice from stored answers."""

    step: Annotated[int, "step whose answers were used"]
    candidate: Annotated[int | None, "candidate that a person accepted; null when the metric chose again"]
    best_by_metric: Annotated[dict[str, int], "candidate that each metric would have chosen"]


class SignatureRecord(TypedDict):
    """The style of a picture: the fields of `Style`, octaves and palette."""

    sharpness: Annotated[float, "mean Laplacian over mean gradient"]
    contrast: Annotated[float, "standard deviation of the luminance, in levels"]
    lightness: Annotated[float, "mean luminance, in levels"]
    colour: Annotated[float, "colourfulness, in levels"]
    line_density: Annotated[float, "edges of lines that a scan crosses, per pixel"]
    octaves: Annotated[list[float], "RMS of details of 1, 2, 4 and 8 px, in levels"]
    palette: Annotated[list[float], "mean of red, green and blue, in levels"]


class SeedStyleRecord(TypedDict):
    """The style of the seed picture, repeated in every step record."""

    signature: Annotated[SignatureRecord, "style of the whole picture"]
    spread: Annotated[dict[str, float], "standard deviation of the logarithm of each measure over parts of the picture"]


class TrendRecord(TypedDict):
    """The trend of one measure over the last steps in a mode: the fields of `Trend`."""

    name: Annotated[str, "name of the measure"]
    steps: Annotated[int, "steps in the fit"]
    change: Annotated[float, "relative change of the fitted line over these steps"]
    clear: Annotated[bool, "whether it is significant and deserves a warning"]


class StyleRecord(TypedDict):
    """The style of a new strip. Differences are relative: -0.1 is a tenth less."""

    strip: Annotated[SignatureRecord, "style of the strip"]
    since_seed: Annotated[dict[str, float], "difference from the seed picture, for each measure"]
    against_band: Annotated[dict[str, float], "difference from the last old pixels, for each measure"]
    seed: Annotated[SeedStyleRecord, "style of the seed picture"]
    drifts: Annotated[
        dict[str, list[str]],
        "since_seed of the last steps in each mode, oldest first: lightness, contrast, sharpness, colour, line density",
    ]
    trends: Annotated[dict[str, list[TrendRecord]], "trend of each of these five measures in each mode"]


class StepRecord(TypedDict):
    """`steps/NNNNNN/step.json`: written once, when a step is finished."""

    format: Annotated[int, "version of the format"]
    step: Annotated[int, "number, from 1; 0 is the seed picture"]
    kind: Annotated[Literal["seed", "step", "accept", "rechosen"], "origin of the step"]
    status: Annotated[StepStatus, "outcome of the step"]
    parent: Annotated[int | None, "parent step; null for the seed picture"]
    parent_sha256: Annotated[Sha256 | None, "hash of the parent's step.json"]
    files: Annotated[dict[str, str], "SHA-256 of every other file of the step, by path inside its folder"]
    mode: NotRequired[Annotated[ModeName, "direction"]]
    side: NotRequired[Annotated[Literal["low", "high"], "end of the canvas that grows"]]
    axis: NotRequired[Annotated[Axis, "axis along which it grows"]]
    words: NotRequired[Annotated[str, "user prompt"]]
    options: NotRequired[Annotated[OptionsRecord, "options of the step"]]
    request: NotRequired[Annotated[RequestRecord, "request, without options and digest"]]
    plan: NotRequired[Annotated[PlanRecord, "line of a plan that it follows"]]
    accepted: NotRequired[Annotated[AcceptedRecord, "later choice from stored answers"]]
    chosen: NotRequired[Annotated[int | None, "candidate that was glued"]]
    reason: NotRequired[Annotated[str, "reason for the choice, as a sentence"]]
    would_pass: NotRequired[Annotated[list[int], "candidate and feather width that would have passed the gate"]]
    candidates: NotRequired[Annotated[int, "number of candidates"]]
    strip: NotRequired[Annotated[PieceRecord, "committed strip: the pending zone before the step, and new pixels"]]
    pending: NotRequired[Annotated[PendingRecord, "pending pieces at both ends; missing when there are none"]]
    canvas: NotRequired[Annotated[BoxRecord, "box of the canvas with that strip"]]
    tips: NotRequired[Annotated[TipsRecord, "strips at both ends"]]
    totals: NotRequired[Annotated[TotalsRecord, "running totals"]]
    style: NotRequired[Annotated[StyleRecord, "style of the new strip"]]
    contract: NotRequired[Annotated[ContractRecord, "sizes, in the record of the seed picture"]]
    init: NotRequired[Annotated[Json, "source of the seed picture, and how it was fitted"]]


class SessionRecord(TypedDict):
    """`session.json`."""

    format: Annotated[int, "version of the format"]
    package_version: Annotated[str, "version that made the session"]
    contract: Annotated[ContractRecord, "sizes of every step"]
    axis: Annotated[Axis | None, "axis of the session, once the first step is committed"]
    branches: Annotated[list[str], "names under heads/"]
    folder_sync: NotRequired[Annotated[str, "refusal of the file system to sync folders, if it occurred"]]
    seed: Annotated[StepRecord, "copy of the seed picture's record: each can be restored from the other"]


class CallRecord(TypedDict):
    """`steps/NNNNNN/answers/NNN.intent.json`: a request, written before it is sent."""

    format: Annotated[int, "version of the format"]
    call: Annotated[int, "number of the call, from 0"]
    reserved_usd: Annotated[Usd, "worst case, reserved in the ledger"]
    request: Annotated[Json, "summary of the request, without secrets"]


class OutcomeRecord(TypedDict):
    """`steps/NNNNNN/answers/NNN.outcome.json`: the outcome of a call."""

    format: Annotated[int, "version of the format"]
    outcome: Annotated[Literal["answered", "refused", "not_sent", "unknown", "resent"], "outcome of the call"]
    headers: NotRequired[Annotated[dict[str, str], "headers of the answer that hold no secret"]]
    body_sha256: NotRequired[Annotated[Sha256, "hash of NNN.body"]]
    partial_sha256: NotRequired[Annotated[Sha256, "hash of NNN.partial, the received part of an incomplete answer"]]
    meta: NotRequired[Annotated[Json, "metadata of a tile from a generator without calls"]]
    reason: NotRequired[Annotated[str, "why it was refused or not sent, or why its outcome is unknown"]]
    body: NotRequired[Annotated[str, "beginning of a refusal"]]


class LedgerRecord(TypedDict):
    """`ledger.json`: the costs of a session that pays. Keys are "step/call"."""

    format: Annotated[int, "version of the format"]
    spent_usd: Annotated[Usd, "cost of all calls with a known outcome"]
    estimated_usd: NotRequired[Annotated[Usd, "part of spent_usd that is an estimate, because servers stated no cost"]]
    reserved: Annotated[dict[str, str], "worst case of each call under way"]
    doubtful: Annotated[dict[str, str], "worst case of each call of unknown outcome"]


class LabelRecord(TypedDict):
    """`labels.jsonl`, one line each: a person's answer. The last key sha256 is the hash of the line without it."""

    format: Annotated[int, "version of the format"]
    kind: Annotated[Literal["find", "ab", "reject"], "seam to find, two pictures to compare, or a candidate rejected"]
    time: Annotated[str, "when it was answered, ISO 8601, UTC"]
    step: Annotated[int, "step that was shown"]
    candidate: NotRequired[Annotated[int, "find and reject: candidate that was shown"]]
    treatment: NotRequired[Annotated[str, "find: stage of the candidate, such as enforced"]]
    window_px: NotRequired[Annotated[int, "find: length of the picture along the axis, in pixels"]]
    seam_px: NotRequired[Annotated[int | None, "find: seam from the start of that picture; null for none"]]
    click_px: NotRequired[Annotated[int | None, "find: where the person saw a seam; null for no seam"]]
    hit: NotRequired[Annotated[bool, "find: whether that was right"]]
    chance: NotRequired[Annotated[float, "find: share of the picture in which a click counts as right"]]
    a: NotRequired[Annotated[Json, "ab: candidate and treatment of the first picture"]]
    b: NotRequired[Annotated[Json, "ab: those of the second"]]
    chosen: NotRequired[Annotated[Literal["a", "b", "same"], "ab: which one looks better"]]
    metrics: NotRequired[Annotated[dict[str, list[float]], "ab: every metric of a and of b"]]
    reason: NotRequired[Annotated[str, "reject: why"]]


class SettlementRecord(TypedDict):
    """`settled/NNNNNN-NNN.json`: whether a call of unknown outcome was billed, as a person found out."""

    format: Annotated[int, "version of the format"]
    step: Annotated[int, "number of the step"]
    call: Annotated[int, "number of the call"]
    billed: Annotated[bool, "whether the server billed it"]
    usd: Annotated[Usd, "cost of the call"]
    reason: Annotated[str, "how the person knows"]


class CellRecord(TypedDict):
    """One step of an experiment."""

    repetition: Annotated[int, "from 1"]
    arm: Annotated[str, "name of the arm"]
    place: Annotated[int, "step within the repetition, from 1"]
    branch: Annotated[str, "branch of the step"]
    step: Annotated[int, "number of the step"]
    answers: Annotated[int, "step whose answers were used"]
    request: Annotated[Sha256, "digest of the request"]
    status: Annotated[str, "status of the step"]
    chosen: Annotated[int | None, "candidate that was measured"]
    usd: Annotated[Usd, "cost"]
    gate: Annotated[Json | None, "verdict of the gate"]
    measures: Annotated[dict[str, float], "see `MEASURES`"]


class ExperimentRecord(TypedDict):
    """`experiments/NAME.json`: the plan of an experiment, and its results."""

    format: Annotated[int, "version of the format"]
    experiment: Annotated[str, "name"]
    mode: Annotated[ModeName, "direction"]
    at: Annotated[int, "step at which every arm begins"]
    repeat: Annotated[int, "repetitions"]
    steps: Annotated[int, "steps of an arm in each repetition"]
    arms: Annotated[list[Json], "name, options, prompt and generator of each arm"]
    cells: Annotated[list[CellRecord], "one for each step"]


RECORDS: tuple[type, ...] = (
    SessionRecord,
    StepRecord,
    RequestRecord,
    CallRecord,
    OutcomeRecord,
    LedgerRecord,
    SettlementRecord,
    ScoreRecord,
    CandidateRecord,
    SeamRecord,
    ExperimentRecord,
    LabelRecord,
    ContractRecord,
    OptionsRecord,
    ReferenceRecord,
    PlanRecord,
    PieceRecord,
    BoxRecord,
    TipsRecord,
    PendingRecord,
    TotalsRecord,
    AcceptedRecord,
    StyleRecord,
    SignatureRecord,
    SeedStyleRecord,
    TrendRecord,
    GateRecord,
    CellRecord,
)
"""Every record type, in the order of FORMAT.md: files first, then their parts."""
