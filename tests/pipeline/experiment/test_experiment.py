"""Experiments: arms on separate branches, no request sent twice, one budget, and measures that differ."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import IO

import pytest
from PIL import Image, ImageFilter

from exquisite import Mode, Session, StepOptions
from exquisite.api.generator import CallLog, TileGenerator
from exquisite.errors import CanvasError, PaymentError, RejectedByServerError, SessionDamagedError, UsageError
from exquisite.files import Files
from exquisite.pipeline.experiment import Experiment, MakeGenerator
from exquisite.pipeline.experiment.measures import MEASURES
from exquisite.pipeline.experiment.plan import Arm, Cell
from tests.support.generators import Paid, Truth, moved_rows
from tests.support.pictures import draw
from tests.support.tiny import TINY, pixels_of

SIZE = (96, 96)
ORIGIN = (32, 32)
PLAIN = StepOptions(candidates=1, calibrate=False, gate=None, artifacts="none")


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return draw("clouds", SIZE, 3).filter(ImageFilter.GaussianBlur(1))


@pytest.fixture
def session(tmp_path: Path, picture: Image.Image) -> Session:
    return Session.create(tmp_path / "session", picture.crop((*ORIGIN, ORIGIN[0] + 32, ORIGIN[1] + 32)), TINY)


@dataclass
class Named(Truth):
    """The truth under a name of its own, so that two of them are asked apart."""

    name: str = ""

    def identity(self) -> dict[str, object]:
        return {"generator": "truth", "name": self.name}


def arms(**prompts: str) -> list[Arm]:
    """Arms with different prompts, so that each needs a request of its own."""
    return [Arm(name, PLAIN, prompt) for name, prompt in prompts.items()]


def always(generator: TileGenerator) -> MakeGenerator:
    return lambda _arm, _repetition: generator


def run(experiment: Experiment, generator: TileGenerator, **terms: object) -> list[Cell]:
    return list(experiment.run(always(generator), **terms))  # type: ignore[arg-type]


# Branches and answers


def test_every_arm_grows_a_branch_and_the_canvas_stays(session: Session, picture: Image.Image) -> None:
    before = pixels_of(session.root)
    experiment = Experiment.begin(session.root, "words", "x_ltr", arms(a="", b="roofs"), repeat=2, steps=2)
    cells = run(experiment, Truth(picture, ORIGIN))
    assert [cell.branch for cell in cells[::2]] == ["exp-words-a", "exp-words-b", "exp-words-a-2", "exp-words-b-2"]
    assert pixels_of(session.root) == before
    for branch in ("exp-words-a", "exp-words-b-2"):
        assert pixels_of(session.root, branch)[0] == (32 + 2 * 8, 32)
    assert experiment.missing() == []


def test_arms_that_differ_only_after_the_answers_share_them(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN, lambda tile, number: tile.point(lambda value: min(255, value + 9 * number)))
    after = [
        replace(PLAIN, candidates=2, **change)
        for change in ({}, {"calibrate": True}, {"feather_px": 4}, {"metric": "sobel_corr"}, {"gate": 2.0})
    ]
    plan_arms = [Arm(f"w{number}", options) for number, options in enumerate(after)]
    experiment = Experiment.begin(session.root, "after", "x_ltr", plan_arms, repeat=2)
    cells = run(experiment, truth)
    assert len(truth.requests) == 2
    assert [cell.sent_request for cell in cells] == [True, *[False] * 4] * 2
    assert {cell.answers for cell in cells if cell.repetition == 1} == {cells[0].step}
    assert len({cell.step for cell in cells}) == len(cells)


def test_a_shared_arm_equals_a_step_with_its_options(
    tmp_path: Path, session: Session, picture: Image.Image
) -> None:
    darker = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: value // 2))
    feathered = replace(PLAIN, feather_px=8)
    run(Experiment.begin(session.root, "f", "x_ltr", [Arm("a", PLAIN), Arm("b", feathered)]), darker)
    alone = Session.create(tmp_path / "alone", picture.crop((32, 32, 64, 64)), TINY)
    alone.step("x_ltr", darker, **feathered.as_dict())
    assert pixels_of(session.root, "exp-f-b") == pixels_of(alone.root)
    assert pixels_of(session.root, "exp-f-a") != pixels_of(alone.root)


def test_the_choice_of_an_arm_is_no_choice_of_a_person(session: Session, picture: Image.Image) -> None:
    plan_arms = [Arm("a", PLAIN), Arm("b", replace(PLAIN, metric="sobel_nmse"))]
    run(Experiment.begin(session.root, "m", "x_ltr", plan_arms), Truth(picture, ORIGIN))
    assert session.agreement()["primary"] == (0, 0)
    (step, *_) = Session.open(session.root, branch="exp-m-b").log()
    assert (step["kind"], step["options"]["metric"]) == ("rechosen", "sobel_nmse")


def test_a_damaged_strip_of_a_shared_arm_is_made_again(session: Session, picture: Image.Image) -> None:
    darker = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: value // 2))
    plan_arms = [Arm("a", PLAIN), Arm("b", replace(PLAIN, feather_px=8, artifacts="lean"))]
    run(Experiment.begin(session.root, "r", "x_ltr", plan_arms), darker)
    (step, *_) = Session.open(session.root, branch="exp-r-b").log()
    before = pixels_of(session.root, "exp-r-b")
    (session.root / "strips" / f"{step['strip']['sha256']}.png").unlink()
    (session.root / f"steps/{step['step']:06}/seam_after_feather.png").write_bytes(b"")
    assert not session.verify().ok
    assert session.verify(repair=True).ok
    assert pixels_of(session.root, "exp-r-b") == before


def test_arms_with_other_requests_share_no_answers(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN)
    plan_arms = [
        Arm("a", PLAIN),
        Arm("b", PLAIN, "words"),
        Arm("c", replace(PLAIN, scaffold_fill="edge")),
        Arm("d", replace(PLAIN, continuation_cue=True)),
        Arm("e", replace(PLAIN, prompt_strength=2)),
        Arm("f", replace(PLAIN, candidates=2)),
    ]
    run(Experiment.begin(session.root, "seen", "x_ltr", plan_arms), truth)
    assert len(truth.requests) == len(plan_arms)


def test_the_generator_is_made_for_arm_and_repetition(session: Session, picture: Image.Image) -> None:
    calls = []

    def make(arm: Arm, repetition: int) -> TileGenerator:
        calls.append((arm.generator["who"], repetition))
        return Named(picture, ORIGIN, name=f"{arm.generator['who']} {repetition}")

    plan_arms = [Arm("a", PLAIN, generator={"who": "x"}), Arm("b", PLAIN, generator={"who": "y"})]
    cells = list(Experiment.begin(session.root, "who", "x_ltr", plan_arms, repeat=2).run(make))
    assert calls == [("x", 1), ("y", 1), ("x", 2), ("y", 2)]
    assert all(cell.sent_request for cell in cells)


def test_the_second_step_of_an_arm_continues_its_own_first(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: value // 2))
    plan_arms = [Arm("a", PLAIN), Arm("b", replace(PLAIN, feather_px=8))]
    cells = run(Experiment.begin(session.root, "two", "x_ltr", plan_arms, steps=2), truth)
    assert [(cell.arm, cell.place, cell.sent_request) for cell in cells] == [
        ("a", 1, True), ("a", 2, True), ("b", 1, False), ("b", 2, True),
    ]  # fmt: skip


@pytest.mark.parametrize("mode", list(Mode))
def test_arms_grow_in_every_mode_from_any_step(session: Session, picture: Image.Image, mode: Mode) -> None:
    truth = Truth(picture, ORIGIN)
    session.step(mode, truth, **PLAIN.as_dict())
    session.step(mode, truth, **PLAIN.as_dict())
    (cell,) = run(Experiment.begin(session.root, "at", mode, arms(a="again"), at=1), truth)
    branch = Session.open(session.root, branch=cell.branch)
    assert [record["step"] for record in branch.log()] == [3, 1, 0]


# Measures


def test_the_true_continuation_has_no_seam_and_a_dark_one_is_dark(session: Session, picture: Image.Image) -> None:
    damages: dict[str, Callable[[Image.Image, int], Image.Image]] = {
        "truth": lambda tile, _: tile,
        "dark": lambda tile, _: tile.point(lambda value: value // 2),
    }

    def make(arm: Arm, _repetition: int) -> TileGenerator:
        return Named(picture, ORIGIN, damages[arm.name], name=arm.name)

    true, dark = Experiment.begin(
        session.root, "dark", "x_ltr", [Arm(name, PLAIN, generator={"who": name}) for name in damages]
    ).run(make)
    assert set(true.measures) == set(MEASURES)
    assert true.measures["seam"] == pytest.approx(1.0, abs=0.4)
    assert dark.measures["seam"] > 5 * true.measures["seam"]
    assert dark.measures["primary"] < true.measures["primary"]
    ratio = (1 + dark.measures["lightness"]) / (1 + true.measures["lightness"])
    assert ratio == pytest.approx(0.5, abs=0.01)


def test_the_seam_is_measured_before_and_after_the_feather(session: Session, picture: Image.Image) -> None:
    lighter = Truth(picture, ORIGIN, lambda tile, _: tile.point(lambda value: min(255, value + 12)))
    plan_arms = [Arm("a", PLAIN), Arm("b", replace(PLAIN, feather_px=8))]
    plain, feathered = run(Experiment.begin(session.root, "f", "x_ltr", plan_arms), lighter)
    assert plain.measures["seam_raw"] == plain.measures["seam"] == feathered.measures["seam_raw"]
    assert feathered.measures["seam"] < plain.measures["seam"]


def test_the_gate_is_off_and_its_verdict_is_recorded(session: Session, picture: Image.Image) -> None:
    bad_model = Truth(picture, ORIGIN, lambda tile, _: moved_rows(tile))
    (cell,) = run(Experiment.begin(session.root, "g", "x_ltr", [Arm("a", PLAIN)]), bad_model)
    assert cell.status == "committed"
    assert cell.gate is not None
    assert (cell.gate["passed"], cell.gate["asked"]) == (False, False)


def test_an_arm_with_a_gate_may_glue_nothing_and_ends_there(session: Session, picture: Image.Image) -> None:
    bad_model = Truth(picture, ORIGIN, lambda tile, _: moved_rows(tile))
    plan_arms = [Arm("gated", replace(PLAIN, gate=1.0)), Arm("open", PLAIN)]
    experiment = Experiment.begin(session.root, "g", "x_ltr", plan_arms, steps=2)
    cells = run(experiment, bad_model)
    assert [(cell.arm, cell.place, cell.status) for cell in cells] == [
        ("gated", 1, "rejected"), ("open", 1, "committed"), ("open", 2, "committed"),
    ]  # fmt: skip
    assert cells[0].measures == cells[1].measures
    assert cells[1].answers == cells[0].step
    assert experiment.missing() == []


def test_a_tile_that_cannot_be_read_measures_nothing(session: Session, picture: Image.Image) -> None:
    small = Truth(picture, ORIGIN, lambda tile, _: tile.resize((9, 9)))
    (cell,) = run(Experiment.begin(session.root, "s", "x_ltr", [Arm("a", PLAIN)]), small)
    assert (cell.status, cell.chosen, dict(cell.measures), cell.gate) == ("rejected", None, {}, None)


# Going on


@dataclass
class Interrupted(Truth):
    """Is interrupted when asked for the `at`-th time."""

    at: int = 0

    def generate(self, request, calls):  # type: ignore[no-untyped-def]
        if len(self.requests) == self.at:
            self.at = -1
            raise KeyboardInterrupt
        return super().generate(request, calls)


@pytest.mark.parametrize("at", range(4))
def test_no_answer_is_requested_again_after_an_interruption(session: Session, picture: Image.Image, at: int) -> None:
    plan_arms, truth = arms(a="", b="roofs"), Interrupted(picture, ORIGIN, at=at)
    with pytest.raises(KeyboardInterrupt):
        run(Experiment.begin(session.root, "i", "x_ltr", plan_arms, repeat=2), truth)
    experiment = Experiment.begin(session.root, "i", "x_ltr", plan_arms, repeat=2)
    assert len(experiment.cells) == at
    run(experiment, truth)
    assert len(truth.requests) == 4
    assert [cell.sent_request for cell in experiment.cells] == [True] * 4
    assert run(Experiment.begin(session.root, "i", "x_ltr"), truth) == []


class CutShort(Files):
    """Dies once: the `at`-th time that it is about to put a file in its place, or has done so; 0 for never."""

    def __init__(self, at: int = 0) -> None:
        self.left = at

    def sync(self, handle: IO[bytes]) -> None:
        """Count an effect: the process dies at it, and the machine runs on."""

    def sync_folder(self, path: Path) -> None:
        """As `sync`."""

    def _count(self) -> None:
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt

    def replace(self, source: Path, target: Path) -> None:
        self._count()
        super().replace(source, target)
        self._count()


@pytest.mark.parametrize(("gate", "first"), [(None, 1), (0.001, 7)])
def test_a_run_after_a_crash_at_any_effect_requests_nothing_twice(
    tmp_path: Path, picture: Image.Image, gate: float | None, first: int
) -> None:
    plan_arms = [Arm("a", replace(PLAIN, gate=gate)), Arm("b", replace(PLAIN, gate=gate, feather_px=2))]
    plan_arms += [Arm("c", replace(PLAIN, gate=gate), "words")]
    seed = picture.crop((32, 32, 64, 64))
    deaths = 0
    for at in range(first, 200, 12):
        paid = Paid(picture, ORIGIN)
        root = Session.create(tmp_path / f"{at}", seed, TINY, files=CutShort()).root
        try:
            run(Experiment.begin(root, "d", "x_ltr", plan_arms, files=CutShort(at)), paid)
        except KeyboardInterrupt:
            deaths += 1
        before, answers = paid.payments, len(list(root.glob("steps/*/answers/*.body")))
        again = Experiment.begin(root, "d", "x_ltr", plan_arms, files=CutShort())
        run(again, paid, retry_ambiguous=True)
        assert [cell.status for cell in again.cells] == ["committed" if gate is None else "rejected"] * 3
        assert paid.payments - before == 2 - answers
        if at > first + 12 * deaths:
            break
    assert deaths > 3


def test_more_repetitions_and_arms_may_be_added(session: Session, picture: Image.Image) -> None:
    truth, plan_arms = Truth(picture, ORIGIN), arms(a="", b="roofs", c="trees")
    run(Experiment.begin(session.root, "m", "x_ltr", plan_arms[:2]), truth)
    cells = run(Experiment.begin(session.root, "m", "x_ltr", plan_arms, repeat=2), truth)
    assert [(cell.repetition, cell.arm) for cell in cells] == [(1, "c"), (2, "a"), (2, "b"), (2, "c")]


def test_the_head_may_move_on_between_two_runs(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN)
    run(Experiment.begin(session.root, "h", "x_ltr", arms(a="")), truth)
    session.step("x_ltr", truth, **PLAIN.as_dict())
    experiment = Experiment.begin(session.root, "h", "x_ltr", repeat=2)
    assert experiment.plan.at == 0
    assert len(run(experiment, truth)) == 1


# Money


def test_one_budget_holds_for_all_arms_and_runs(session: Session, picture: Image.Image) -> None:
    paid = Paid(picture, ORIGIN)
    session.step("x_ltr", paid, **PLAIN.as_dict())
    plan_arms = arms(a="", b="roofs", c="trees")
    experiment = Experiment.begin(session.root, "b", "x_ltr", plan_arms)
    with pytest.raises(PaymentError, match=r"arm c, repetition 1 of 1: .*this experiment has cost \$2.00 of its \$2"):
        run(experiment, paid, budget=Decimal(2))
    with pytest.raises(PaymentError):
        run(Experiment.begin(session.root, "b", "x_ltr"), paid, budget=Decimal(2))
    assert paid.payments == 3
    session.step("x_ltr", paid, **PLAIN.as_dict())  # what the person spends meanwhile is another matter
    experiment = Experiment.begin(session.root, "b", "x_ltr")
    run(experiment, paid, budget=Decimal(3))
    assert [Decimal(cell.usd) for cell in experiment.cells] == [1, 1, 1]


def test_the_budget_of_the_session_holds_for_an_experiment(session: Session, picture: Image.Image) -> None:
    paid = Paid(picture, ORIGIN)
    session.step("x_ltr", paid, **PLAIN.as_dict())
    with pytest.raises(PaymentError):
        run(
            Experiment.begin(session.root, "b", "x_ltr", arms(a="", b="roofs")),
            paid,
            budget=Decimal(9),
            session_budget=Decimal(2),
        )
    assert paid.payments == 2


def test_shared_answers_cost_nothing(session: Session, picture: Image.Image) -> None:
    paid = Paid(picture, ORIGIN)
    plan_arms = [Arm("a", PLAIN), Arm("b", replace(PLAIN, feather_px=4))]
    cells = run(Experiment.begin(session.root, "s", "x_ltr", plan_arms), paid, budget=Decimal(1))
    assert [Decimal(cell.usd) for cell in cells] == [1, 0]


def test_a_refusal_by_the_server_ends_the_run_and_the_next_asks_again(session: Session, picture: Image.Image) -> None:
    def no(number: int, calls: CallLog, call: int) -> None:
        if number == 2:
            calls.refused(call, "no")
            raise RejectedByServerError("no")

    paid = Paid(picture, ORIGIN, fail=no)
    experiment = Experiment.begin(session.root, "r", "x_ltr", arms(a="", b="roofs"))
    with pytest.raises(RejectedByServerError):
        run(experiment, paid)
    experiment = Experiment.begin(session.root, "r", "x_ltr")
    assert [cell.arm for cell in run(experiment, paid, budget=Decimal(2))] == ["b"]


def test_the_missing_requests_are_listed_before_a_run(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN)
    feathered, double = replace(PLAIN, feather_px=4), replace(PLAIN, candidates=2)
    plan_arms = [Arm("a", PLAIN), Arm("b", feathered), Arm("c", double, "words")]
    experiment = Experiment.begin(session.root, "k", "x_ltr", plan_arms, repeat=2)
    assert [(arm.name, request.candidates) for arm, request in experiment.asking(always(truth))] == [
        ("a", 1), ("c", 2), ("a", 1), ("c", 2),
    ]  # fmt: skip
    next(iter(experiment.run(always(truth))))
    assert [arm.name for arm, _ in experiment.asking(always(truth))] == ["c", "a", "c"]
    assert not (session.root / "experiments" / "other.json").exists()


def test_progress_names_the_arm(session: Session, picture: Image.Image) -> None:
    phases: list[str] = []
    experiment = Experiment.begin(session.root, "p", "x_ltr", arms(a=""))
    run(experiment, Truth(picture, ORIGIN), progress=lambda progress: phases.append(progress.phase))
    assert "asking (arm a, repetition 1 of 1)" in phases


# What cannot be


def test_nothing_is_written_before_the_first_run(session: Session) -> None:
    before = sorted(session.root.rglob("*"))
    Experiment.begin(session.root, "n", "x_ltr", arms(a="", b="roofs"))
    assert sorted(session.root.rglob("*")) == before


@pytest.mark.parametrize(
    ("name", "plan_arms", "options", "message"),
    [
        ("n", [], {}, "nothing to compare"),
        ("a/b", arms(a=""), {}, "bad name 'a/b'"),
        ("n", arms(a="") * 2, {}, "would share the branch exp-n-a"),
        ("n", arms(a="", **{"a-2": ""}), {"repeat": 2}, "would share the branch exp-n-a-2"),
        ("n", arms(a=""), {"repeat": -1}, "--repeat must be at least 1, not -1"),
        ("n", arms(a=""), {"at": 7}, "step 7 .* does not exist"),
        ("n", [Arm("a", replace(PLAIN, feather_px=9))], {}, "arm a: feather_px 9 is wider than the strip of 8 px"),
    ],
)
def test_an_invalid_plan_is_refused(
    session: Session, name: str, plan_arms: list[Arm], options: dict[str, int], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Experiment.begin(session.root, name, "x_ltr", plan_arms, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("mode", "plan_arms", "options", "message"),
    [
        ("x_rtl", arms(a=""), {}, "grows in x_ltr, not x_rtl"),
        ("x_ltr", arms(a="else"), {}, "has arms other than these"),
        ("x_ltr", arms(a=""), {"steps": 2}, "has --steps 1, not 2"),
        ("x_ltr", arms(a=""), {"at": 1}, "begins at step 0, not 1"),
        ("x_ltr", arms(a=""), {"repeat": 1}, "has 2 repetitions already"),
    ],
)
def test_another_plan_of_the_same_name_is_refused(
    session: Session, picture: Image.Image, mode: str, plan_arms: list[Arm], options: dict[str, int], message: str
) -> None:
    run(Experiment.begin(session.root, "n", "x_ltr", arms(a=""), repeat=2), Truth(picture, ORIGIN))
    with pytest.raises(UsageError, match=message):
        Experiment.begin(session.root, "n", mode, plan_arms, **options)  # type: ignore[arg-type]


def test_a_mode_of_the_other_axis_is_refused(session: Session, picture: Image.Image) -> None:
    session.step("x_ltr", Truth(picture, ORIGIN), **PLAIN.as_dict())
    with pytest.raises(CanvasError):
        Experiment.begin(session.root, "n", "y_ttb", arms(a=""), at=0)


def test_a_branch_of_another_origin_is_left_alone(session: Session) -> None:
    session.branch("exp-n-a")
    with pytest.raises(UsageError, match="there is a branch exp-n-a already"):
        Experiment.begin(session.root, "n", "x_ltr", arms(a=""))


def test_a_branch_that_another_command_moved_is_refused(session: Session, picture: Image.Image) -> None:
    truth = Truth(picture, ORIGIN)
    run(Experiment.begin(session.root, "n", "x_ltr", arms(a=""), repeat=1), truth)
    experiment = Experiment.begin(session.root, "n", "x_ltr", repeat=2)
    session.branch("exp-n-a-2")
    branch = Session.open(session.root, branch="exp-n-a-2")
    for _ in range(2):
        branch.step("x_ltr", truth, **PLAIN.as_dict())
    with pytest.raises(UsageError, match="another command moved it"):
        run(experiment, truth)


def test_a_damaged_record_is_noticed(session: Session, picture: Image.Image) -> None:
    experiment = Experiment.begin(session.root, "n", "x_ltr", arms(a=""))
    run(experiment, Truth(picture, ORIGIN))
    data = experiment.path.read_bytes()
    experiment.path.write_bytes(data.replace(b'"repeat": 1', b'"repeat": 3'))
    with pytest.raises(SessionDamagedError, match="altered"):
        Experiment.begin(session.root, "n", "x_ltr")
