"""A session: it grows by exactly one strip, changes no old pixel, explains its choice, and pays once."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageFilter

from exquisite import Mode, Session, TileContract, glue
from exquisite.api.generator import CallLog
from exquisite.contract import from_canonical, to_canonical
from exquisite.errors import (
    AnswerError,
    CanvasError,
    OutcomeUnknownError,
    PaymentError,
    RejectedByServerError,
    SessionExistsError,
    SessionLockedError,
    SessionNotFoundError,
    UsageError,
)
from tests.support.generators import Paid, Truth, moved_rows, png
from tests.support.pictures import draw

SMALL = TileContract(tile_px=64, band_px=32, overlap_px=16, advance_px=16)
MODES = list(Mode)
ORIGIN = (128, 128)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    """A picture whose middle is the seed canvas of every test, so that its continuation is known."""
    return draw("clouds", (320, 320), 3).filter(ImageFilter.GaussianBlur(1))


@pytest.fixture
def canvas(picture: Image.Image) -> Image.Image:
    return picture.crop((*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64))


@pytest.fixture
def session(tmp_path: Path, canvas: Image.Image) -> Session:
    return Session.create(tmp_path / "session", canvas, SMALL)


@pytest.fixture
def truth(picture: Image.Image) -> Truth:
    return Truth(picture, ORIGIN)


@pytest.fixture
def paid(picture: Image.Image) -> Paid:
    return Paid(picture, ORIGIN)


def pixels(session: Session) -> Image.Image:
    """The whole canvas, put together from its strips."""
    whole = Image.new("RGB", session.canvas_size)
    left, top = session.canvas_origin
    for _, piece in session.store.pieces(session.head):
        whole.paste(session.store.read_strip(piece), (piece.origin[0] - left, piece.origin[1] - top))
    return whole


def true_pixels(picture: Image.Image, session: Session) -> Image.Image:
    left, top = (at + start for at, start in zip(session.canvas_origin, ORIGIN, strict=True))
    width, height = session.canvas_size
    return picture.crop((left, top, left + width, top + height))


def grow(session: Session, mode: Mode | str, generator: Truth, **options: object) -> object:
    return session.step(mode, generator, **{"candidates": 1, "gate": None, **options})  # type: ignore[arg-type]


def test_a_new_session_is_its_seed_picture(session: Session, canvas: Image.Image) -> None:
    assert (session.head, session.axis, session.canvas_size, session.canvas_origin) == (0, None, (64, 64), (0, 0))
    assert pixels(session).tobytes() == canvas.tobytes()


@pytest.mark.invariant("GROWTH-EXACT")
@pytest.mark.parametrize("mode", MODES)
def test_a_step_grows_the_canvas_by_exactly_one_advance(
    session: Session, truth: Truth, picture: Image.Image, mode: Mode
) -> None:
    result = grow(session, mode, truth)
    along, across = SMALL.oriented(session.canvas_size, mode)
    assert (along, across) == (64 + 16, 64)
    assert result.canvas_size == session.canvas_size  # type: ignore[attr-defined]
    assert pixels(session).tobytes() == true_pixels(picture, session).tobytes()


@pytest.mark.invariant("AXIS-FIXED")
def test_the_first_commit_fixes_the_axis_and_the_other_one_is_refused(session: Session, truth: Truth) -> None:
    grow(session, "x_ltr", truth)
    with pytest.raises(CanvasError, match="grows along x since its first step; y_ttb grows along y"):
        grow(session, "y_ttb", truth)
    session.undo()
    assert session.axis == "x"


@pytest.mark.invariant("OLD-PIXELS")
@pytest.mark.parametrize("feather_px", [0, 4, 16])
@pytest.mark.parametrize("mode", MODES)
def test_no_old_pixel_changes_whatever_the_feather(
    session: Session, picture: Image.Image, mode: Mode, feather_px: int
) -> None:
    drifting = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: min(255, value + 12)))
    before = pixels(session).tobytes()
    grow(session, mode, drifting, feather_px=feather_px)
    left, top = session.canvas_origin
    old = pixels(session).crop((-left, -top, 64 - left, 64 - top))
    assert old.tobytes() == before


@pytest.mark.invariant("GLUE-AGREES")
@pytest.mark.parametrize("mode", MODES)
def test_the_committed_pixels_are_those_that_glue_returns(
    session: Session, canvas: Image.Image, picture: Image.Image, mode: Mode
) -> None:
    drifting = Truth(picture, ORIGIN, lambda tile, _: tile.filter(ImageFilter.GaussianBlur(1)))
    result = grow(session, mode, drifting)
    enforced = Image.open(result.step_dir / "candidates/0/tile_out_enforced.png")  # type: ignore[attr-defined]
    assert pixels(session).tobytes() == glue(canvas, enforced, mode, SMALL).tobytes()


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize("mode", MODES)
def test_a_mode_is_the_turned_step_to_the_right(tmp_path: Path, picture: Image.Image, mode: Mode) -> None:
    """The same content, turned, drifts the same, scores the same and gives the same pixels, turned."""

    def drifting(turn: Mode) -> Truth:
        seed_area = Image.new("L", picture.size)
        seed_area.paste(255, (*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64))
        left, top, _, _ = from_canonical(seed_area, turn).getbbox() or (0, 0, 0, 0)

        def damage(tile: Image.Image, number: int) -> Image.Image:
            displaced = ImageChops.offset(to_canonical(tile, turn), number + 1, 0)
            return from_canonical(displaced.point(lambda value: int(value * 0.95)), turn)

        return Truth(from_canonical(picture, turn), (left, top), damage)

    results = []
    for name, turn in (("right", Mode.X_LTR), ("turned", mode)):
        generator = drifting(turn)
        x, y = generator.origin
        session = Session.create(tmp_path / name, generator.picture.crop((x, y, x + 64, y + 64)), SMALL)
        result = session.step(turn, generator, candidates=2, gate=None)
        results.append((to_canonical(pixels(session), turn).tobytes(), result.chosen, result.scores))
    assert results[0] == results[1]


@pytest.mark.invariant("ONE-PATH")
def test_tiles_and_paid_answers_with_the_same_bytes_give_the_same_files(
    tmp_path: Path, canvas: Image.Image, truth: Truth, paid: Paid
) -> None:
    folders = []
    for name, generator in (("free", truth), ("paid", paid)):
        session = Session.create(tmp_path / name, canvas, SMALL)
        folders.append(session.step("x_rtl", generator, candidates=2).step_dir)
    names = sorted(path.relative_to(folders[0]) for path in folders[0].rglob("*.png"))
    assert names == sorted(path.relative_to(folders[1]) for path in folders[1].rglob("*.png"))
    for path in [*names, Path("score.json")]:
        assert (folders[0] / path).read_bytes() == (folders[1] / path).read_bytes(), path


@pytest.mark.invariant("REPRODUCIBLE")
def test_the_same_inputs_give_the_same_pixels(tmp_path: Path, canvas: Image.Image, picture: Image.Image) -> None:
    noisy = Truth(picture, ORIGIN, lambda tile, number: tile.filter(ImageFilter.GaussianBlur(0.3 * number)))
    twins = [Session.create(tmp_path / name, canvas, SMALL) for name in ("one", "other")]
    for twin in twins:
        twin.step("y_btt", noisy, gate=None, feather_px=4)
    assert pixels(twins[0]).tobytes() == pixels(twins[1]).tobytes()


def test_mixed_directions_meet_in_the_middle(session: Session, truth: Truth, picture: Image.Image) -> None:
    for mode in ("x_ltr", "x_rtl", "x_rtl", "x_ltr", "x_rtl"):
        grow(session, mode, truth)
    assert session.canvas_origin == (-48, 0)
    assert session.canvas_size == (64 + 5 * 16, 64)
    assert pixels(session).tobytes() == true_pixels(picture, session).tobytes()
    for mode in ("x_ltr", "x_rtl"):
        frame = SMALL.frame(mode, session.canvas_size)
        assert session.frontier(mode).tobytes() == pixels(session).crop(frame.band).tobytes()


def test_the_gate_glues_nothing_and_keeps_the_candidates(session: Session, picture: Image.Image) -> None:
    other = Truth(picture, ORIGIN, lambda tile, _: Image.new("RGB", tile.size, (255, 0, 0)))
    result = session.step("x_ltr", other, candidates=2)
    assert (result.status, result.chosen, session.head) == ("rejected", None, 0)
    assert "gate refused" in result.message
    assert (result.step_dir / "candidates/1/tile_out_raw.png").is_file()
    summary = json.loads((result.step_dir / "score.json").read_text())
    assert summary["gate"]["passed"] is False
    assert summary["chosen"] is None


def test_a_rejected_step_is_finished_and_the_next_is_a_new_purchase(session: Session, picture: Image.Image) -> None:
    other = Truth(picture, ORIGIN, lambda tile, _: Image.new("RGB", tile.size, (255, 0, 0)))
    first = session.step("x_ltr", other, candidates=2)
    second = session.step("x_ltr", other, candidates=2)
    assert (first.step_index, second.step_index) == (1, 2)
    assert len(other.requests) == 2


def test_a_person_may_accept_what_the_gate_refused(session: Session, picture: Image.Image) -> None:
    red = Truth(picture, ORIGIN, lambda tile, number: Image.new("RGB", tile.size, (255, number, 0)))
    session.step("x_ltr", red, candidates=2)
    result = session.accept(1)
    assert (result.status, result.chosen, result.step_index) == ("committed", 1, 2)
    assert pixels(session).getpixel((70, 5)) == (255, 1, 0)
    record = next(iter(session.log()))
    assert record["accepted"]["step"] == 1
    assert set(record["accepted"]["best_by_metric"]) >= {"primary", "sobel_corr", "sobel_nmse"}


def test_agreement_counts_how_often_each_metric_chose_as_the_person(session: Session, picture: Image.Image) -> None:
    worse = Truth(picture, ORIGIN, lambda tile, number: tile.filter(ImageFilter.GaussianBlur(3 * number)))
    session.step("x_ltr", worse, candidates=2, gate=None)
    session.accept(0)
    session.accept(1)
    agreed, total = session.agreement()["primary"]
    assert (agreed, total) == (1, 2)


def test_accepting_another_candidate_of_the_last_step_replaces_its_strip(
    session: Session, picture: Image.Image, truth: Truth
) -> None:
    marked = Truth(picture, ORIGIN, lambda tile, number: tile.point(lambda value: min(255, value + number)))
    grow(session, "x_ltr", truth)
    session.step("x_ltr", marked, candidates=3, gate=None, calibrate=False)
    wide = session.canvas_size
    assert session.accept(2).canvas_size == wide
    assert [record["step"] for record in session.log()] == [3, 1, 0]


def test_accept_names_the_step_when_the_canvas_has_moved_on(session: Session, truth: Truth) -> None:
    for _ in range(3):
        grow(session, "x_ltr", truth)
    with pytest.raises(UsageError, match="step 1 continues step 0, but the canvas is at step 3"):
        session.accept(0, step=1)
    with pytest.raises(UsageError, match="no candidate 7"):
        session.accept(7)
    with pytest.raises(UsageError, match=r"step 9 .* has no stored answers"):
        session.accept(0, step=9)


def test_accepting_and_rescoring_send_no_request_and_rescoring_writes_nothing(
    session: Session, picture: Image.Image
) -> None:
    drifting = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: min(255, value + 9)))
    grow(session, "x_ltr", drifting, calibrate=False)
    session.accept(0)
    before = {path: path.read_bytes() for path in session.root.rglob("*") if path.is_file()}
    rescore = session.rescore(metric="sobel_corr")
    assert rescore.choice.best == 0
    assert {path: path.read_bytes() for path in session.root.rglob("*") if path.is_file()} == before
    plain = pixels(session).tobytes()
    session.accept(0, feather_px=8)
    assert pixels(session).tobytes() != plain
    assert len(drifting.requests) == 1


def test_undo_takes_the_last_step_back_and_numbers_are_never_reused(session: Session, truth: Truth) -> None:
    grow(session, "x_ltr", truth)
    assert session.undo() == 0
    assert session.canvas_size == (64, 64)
    assert grow(session, "x_ltr", truth).step_index == 2  # type: ignore[attr-defined]
    session.undo()
    with pytest.raises(UsageError, match="nothing to undo"):
        session.undo()


def test_a_branch_is_a_second_head_on_shared_steps(session: Session, truth: Truth) -> None:
    grow(session, "x_ltr", truth)
    session.branch("other", at=0)
    other = Session.open(session.root, branch="other")
    grow(other, "x_rtl", truth)
    assert (session.canvas_origin, other.canvas_origin) == ((0, 0), (-16, 0))
    assert session.status().branches == ("other",)
    with pytest.raises(UsageError, match="exists already"):
        session.branch("other")
    with pytest.raises(UsageError, match="bad branch name"):
        session.branch("../other")
    with pytest.raises(UsageError, match="glued nothing or does not exist"):
        session.branch("third", at=17)
    with pytest.raises(UsageError, match="no branch 'none'"):
        Session.open(session.root, branch="none")


def test_log_is_newest_first_and_has_a_limit(session: Session, truth: Truth) -> None:
    for _ in range(2):
        grow(session, "y_ttb", truth)
    assert [record["step"] for record in session.log()] == [2, 1, 0]
    assert [record["step"] for record in session.log(limit=1)] == [2]


def test_status_describes_the_session(session: Session, truth: Truth) -> None:
    grow(session, "y_ttb", truth)
    status = session.status()
    assert (status.head, status.axis, status.canvas_size, status.steps) == (1, "y", (64, 80), 1)
    assert status.unfinished == ()
    assert status.money.spent == 0
    data = status.as_dict()
    assert (data["head"], data["axis"], data["canvas_size"], data["steps"]) == (1, "y", [64, 80], 1)
    assert (data["unfinished"], data["spent_usd"]) == ([], "0")
    assert json.loads(json.dumps(data)) == data


@pytest.mark.parametrize(
    ("artifacts", "files"),
    [
        ("full", {"ref_tile.png", "mask.png", "candidates/0/score.json", "candidates/1/score.json", "score.json"}),
        ("lean", {"candidates/0/tile_out_enforced.png", "score.json", "bounds_overlay.png"}),
        ("none", set()),
    ],
)
def test_artifacts_decide_which_files_remain(session: Session, truth: Truth, artifacts: str, files: set[str]) -> None:
    folder = session.step("x_ltr", truth, candidates=2, gate=None, artifacts=artifacts).step_dir
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names >= files | {"step.json", "request.json", "answers/000.body", "answers/001.body"}
    if artifacts == "lean":
        assert not any(name.startswith("candidates/1/") for name in names)
    if artifacts == "none":
        assert {Path(name).parts[0] for name in names} == {"step.json", "request.json", "answers"}


def test_score_json_explains_the_choice(session: Session, picture: Image.Image) -> None:
    worse = Truth(picture, ORIGIN, lambda tile, number: tile if number == 1 else moved_rows(tile))
    folder = session.step("x_ltr", worse, gate=None, calibrate=False).step_dir
    summary = json.loads((folder / "score.json").read_text())
    assert (summary["chosen"], summary["metric"]) == (1, "primary")
    assert "above candidate" in summary["reason"]
    verdicts = [entry["verdict"] for entry in summary["candidates"]]
    assert verdicts[1] == "glued"
    assert "below candidate 1" in verdicts[0]
    assert [entry["rank"] for entry in summary["candidates"]][1] == 1
    assert summary["feather"]["applied"] is False


def test_an_unreadable_candidate_loses_with_a_reason(session: Session, picture: Image.Image) -> None:
    class Mixed(Truth):
        def generate(self, request, calls):  # type: ignore[no-untyped-def]
            for number, raw in enumerate(super().generate(request, calls)):
                yield raw if number else type(raw)(raw.data[:-40], raw.meta)

    result = session.step("x_ltr", Mixed(picture, ORIGIN), candidates=2, gate=None)
    assert (result.chosen, result.scores[0]) == (1, None)
    summary = json.loads((result.step_dir / "score.json").read_text())
    assert summary["candidates"][0]["verdict"].startswith("cannot be read")


def test_without_a_readable_candidate_nothing_is_glued(session: Session, picture: Image.Image) -> None:
    small = Truth(picture, ORIGIN, lambda tile, _: tile.resize((32, 32)))
    result = session.step("x_ltr", small, candidates=2)
    assert (result.status, result.scores) == ("rejected", (None, None))
    assert "no candidate could be read" in result.message
    with pytest.raises(AnswerError, match="candidate 0 cannot be glued"):
        session.accept(0)
    assert session.canvas_size == (64, 64)


def test_a_generator_that_gives_nothing_is_an_error(session: Session, picture: Image.Image) -> None:
    class Silent(Truth):
        def generate(self, request, calls):  # type: ignore[no-untyped-def]
            return iter(())

    with pytest.raises(AnswerError, match="gave no tile"):
        session.step("x_ltr", Silent(picture, ORIGIN))
    assert session.head == 0


# Paying once


def interrupt_at(call_number: int) -> object:
    def fail(number: int, _calls: CallLog, _call: int) -> None:
        if number == call_number:
            raise KeyboardInterrupt

    return fail


@pytest.mark.invariant("NEVER-TWICE")
def test_a_rerun_requests_only_the_missing_tiles(session: Session, paid: Paid, picture: Image.Image) -> None:
    stops = Paid(picture, ORIGIN, fail=lambda number, calls, call: _drop(calls, call) if number == 3 else None)
    with pytest.raises(ConnectionError):
        session.step("x_ltr", stops)
    assert session.status().unfinished == (1,)
    result = session.step("x_ltr", paid)
    assert (result.step_index, len(result.scores)) == (1, 3)
    assert paid.payments == 1
    assert paid.requests[0].first_candidate == 2
    assert session.status().money.spent == 3
    assert session.status().unfinished == ()


def _drop(calls: CallLog, call: int) -> None:
    calls.not_sent(call, "no route")
    raise ConnectionError("no route")


def test_another_request_does_not_use_the_answers_of_an_unfinished_step(session: Session, paid: Paid) -> None:
    paid.fail = lambda number, calls, call: _drop(calls, call) if number == 2 else None
    with pytest.raises(ConnectionError):
        session.step("x_ltr", paid)
    result = session.step("x_ltr", paid, prompt="something else")
    assert result.step_index == 2
    assert paid.payments == 2 + 3
    session.undo()
    assert session.step("x_ltr", paid).step_index == 1


@pytest.mark.invariant("NEVER-TWICE")
def test_a_call_of_unknown_outcome_is_repeated_only_with_permission(
    session: Session, paid: Paid, picture: Image.Image
) -> None:
    interrupted_model = Paid(picture, ORIGIN, fail=interrupt_at(2))  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        session.step("x_ltr", interrupted_model)
    with pytest.raises(OutcomeUnknownError, match=r"1 call.s. of unknown outcome.*nothing was sent"):
        session.step("x_ltr", paid)
    assert paid.payments == 0
    assert session.status().money.perhaps_billed == 1
    result = session.step("x_ltr", paid, retry_ambiguous=True)
    assert result.status == "committed"
    assert paid.payments == 2
    money = session.status().money
    assert money.spent == 3
    assert money.perhaps_billed == 1


def test_tiles_before_an_unknown_outcome_can_be_accepted(session: Session, picture: Image.Image) -> None:
    interrupted_model = Paid(picture, ORIGIN, fail=interrupt_at(2))  # type: ignore[arg-type]
    with pytest.raises(KeyboardInterrupt):
        session.step("x_ltr", interrupted_model)
    result = session.accept(0, step=1)
    assert (result.status, result.step_index) == ("committed", 2)
    assert session.status().unfinished == ()


def test_the_budget_of_a_session_survives_a_restart(session: Session, paid: Paid) -> None:
    session.step("x_ltr", paid, candidates=2, gate=None, budget=Decimal(3))
    with pytest.raises(PaymentError, match="over the budget"):
        Session.open(session.root).step("x_ltr", paid, candidates=2, gate=None, budget=Decimal(3))
    assert paid.payments == 2 + 1
    assert session.canvas_size == (80, 64)


def test_a_step_that_the_server_refused_is_closed(session: Session, picture: Image.Image, paid: Paid) -> None:
    def refuse(_number: int, calls: CallLog, call: int) -> None:
        calls.refused(call, "moderation_blocked")
        raise RejectedByServerError("moderation_blocked: change the prompt")

    with pytest.raises(RejectedByServerError):
        session.step("x_ltr", Paid(picture, ORIGIN, fail=refuse))
    status = session.status()
    assert (status.unfinished, status.head) == ((), 0)
    assert status.money.spent == 0
    assert session.step("x_ltr", paid).step_index == 2


@pytest.mark.invariant("NEVER-TWICE")
def test_a_paid_answer_outlives_a_refusal_of_the_second_call(
    session: Session, picture: Image.Image, paid: Paid
) -> None:
    """The step stays open, so that the rerun asks for the second tile only."""

    def refuse_the_second(number: int, calls: CallLog, call: int) -> None:
        if number == 2:
            calls.refused(call, "moderation_blocked")
            raise RejectedByServerError("moderation_blocked: change the prompt")

    with pytest.raises(RejectedByServerError):
        session.step("x_ltr", Paid(picture, ORIGIN, fail=refuse_the_second), candidates=2)
    assert session.status().unfinished == (1,)
    result = session.step("x_ltr", paid, candidates=2)
    assert (result.step_index, len(result.scores), paid.payments) == (1, 2, 1)
    assert session.status().money.spent == 2


@pytest.mark.invariant("NEVER-TWICE")
def test_a_paid_answer_without_a_tile_is_bought_again_only_with_permission(
    session: Session, picture: Image.Image, paid: Paid
) -> None:
    class Empty(Paid):
        def generate(self, request, calls):  # type: ignore[no-untyped-def]
            calls.answered(calls.intend({}), b"<html>busy</html>", {})
            return iter(())

    with pytest.raises(OutcomeUnknownError, match=r"answers/000\.body holds no picture"):
        session.step("x_ltr", Empty(picture, ORIGIN))
    assert session.status().unfinished == (1,)
    with pytest.raises(OutcomeUnknownError, match="--retry-ambiguous"):
        session.step("x_ltr", paid)
    assert paid.payments == 0
    assert session.step("x_ltr", paid, retry_ambiguous=True).step_index == 1


@pytest.mark.invariant("ONE-WRITER")
def test_a_second_writer_is_refused_and_changes_nothing(session: Session, truth: Truth) -> None:
    lock = session.store.lock()
    before = sorted(path for path in session.root.rglob("*"))
    writes: list[Callable[[], object]] = [
        session.undo,
        lambda: session.branch("b"),
        lambda: grow(session, "x_ltr", truth),
    ]
    for write in writes:
        with pytest.raises(SessionLockedError, match="another run is writing"):
            write()
    assert sorted(path for path in session.root.rglob("*")) == before
    lock.release()
    grow(session, "x_ltr", truth)


@pytest.mark.invariant("READERS-BESIDE")
def test_readers_work_beside_a_writer(session: Session, picture: Image.Image, truth: Truth) -> None:
    class Looks(Truth):
        def generate(self, request, calls):  # type: ignore[no-untyped-def]
            reader = Session.open(session.root)
            assert reader.canvas_size == (80, 64)
            assert reader.verify().ok
            yield from super().generate(request, calls)

    grow(session, "x_ltr", truth)
    grow(session, "x_ltr", Looks(picture, ORIGIN))
    assert session.canvas_size == (96, 64)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.invariant("NO-CUE-COMPOSITED")
def test_no_pixel_of_the_scaffold_reaches_the_canvas(
    session: Session, truth: Truth, picture: Image.Image, mode: Mode
) -> None:
    grow(session, mode, truth, continuation_cue=True, scaffold_fill="grey")
    assert pixels(session).tobytes() == true_pixels(picture, session).tobytes()


def test_occupied_paths_and_unfit_pictures_are_refused(tmp_path: Path, canvas: Image.Image, session: Session) -> None:
    with pytest.raises(SessionExistsError, match="a session at"):
        Session.create(session.root, canvas, SMALL)
    with pytest.raises(SessionNotFoundError, match="no session at"):
        Session.open(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("mine")
    for name in ("file", "full"):
        with pytest.raises(SessionExistsError, match="is no session"):
            Session.create(tmp_path / name, canvas, SMALL)
    for bad in (canvas.convert("RGBA"), canvas.resize((40, 40)), canvas.resize((16, 64))):
        with pytest.raises(CanvasError):
            Session.create(tmp_path / "new", bad, SMALL)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"candidates": 0}, "candidates must be 1 to 10"),
        ({"feather_px": -1}, "feather_px must be 0 or more"),
        ({"feather_px": "wide"}, "in whole pixels, or auto, not 'wide'"),
        ({"feather_px": 17}, "wider than the strip"),
        ({"gate": 0.0}, "gate must be a factor"),
        ({"metric": "beauty"}, "unknown metric 'beauty'"),
        ({"scaffold_fill": "black"}, "unknown scaffold_fill"),
        ({"prompt_strength": 9}, "prompt_strength must be"),
        ({"artifacts": "some"}, "unknown artifacts"),
        ({"colour": "red"}, "unknown step option 'colour'"),
    ],
)
def test_options_are_checked_before_anything_is_written(
    session: Session, truth: Truth, options: dict[str, object], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        session.step("x_ltr", truth, **options)  # type: ignore[arg-type]
    assert not (session.root / "steps/000001").exists()
    assert truth.requests == []


def test_an_unknown_mode_is_refused_with_the_four_names(session: Session, truth: Truth) -> None:
    with pytest.raises(UsageError, match="x_ltr, x_rtl, y_ttb, y_btt"):
        session.step("sideways", truth)


def test_a_raw_tile_is_kept_byte_for_byte(session: Session, truth: Truth) -> None:
    folder = grow(session, "x_ltr", truth).step_dir  # type: ignore[attr-defined]
    raw = folder / "candidates/0/tile_out_raw.png"
    assert raw.read_bytes() == (folder / "answers/000.body").read_bytes() == png(Image.open(raw))
