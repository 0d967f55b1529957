"""`make bench`: the cost of the main jobs, each beside a floor that is measured in the same run.

Machines are noisy, so what counts is the ratio; times are for orientation. Every figure is the median of
several rounds in which job and floor take turns.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from PIL import Image

from exquisite import CLASSIC, Session, TileContract, calibrate_tile, extract_scoring_strips, score_strips, score_tile
from exquisite.api.generator import CallLog, NullCallLog, RawCandidate, TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.api.mock.drift import Drift, redraw
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.geometry.overlap_score import interior_gate
from exquisite.pixels import sobel_magnitude
from tests.support.client_bench import request_for
from tests.support.emulator import EMULATOR_KEY, EmulatorServer, emulator
from tests.support.generators import StoredAnswers, Truth, png
from tests.support.memory_peak import peak_bytes
from tests.support.pictures import draw

from .cuts_in_a_row import SOFTEN_PX, cut_seconds, step_cost

DEMO = Path("fixtures/demo")
ORIGIN = (800, 800)
ANSWER_S = 2.0
STRIPS = (4, 400)  # of the two sessions whose steps are compared
SHORT = TileContract(tile_px=128, band_px=64, overlap_px=32, advance_px=32)

Job = Callable[[], object]


def seconds(job: Job) -> float:
    """Wall time of one run."""
    start = time.perf_counter()
    job()
    return time.perf_counter() - start


def compare(job: Job, floor: Job, rounds: int) -> tuple[float, float, float]:
    """(median of the job, median of the floor, median of their ratios), taking turns; seconds."""
    job(), floor()
    pairs = [(seconds(job), seconds(floor)) for _ in range(rounds)]
    return (
        statistics.median(mine for mine, _ in pairs),
        statistics.median(other for _, other in pairs),
        statistics.median(mine / other for mine, other in pairs),
    )


def demo_canvas() -> Image.Image:
    """The demo canvas, RGB."""
    with Image.open(DEMO / "canvas.png") as image:
        return image.convert("RGB")


def demo_answers(canvas: Image.Image) -> list[bytes]:
    """Three drifted candidates that the simulated model gives for the demo canvas."""
    answers: list[bytes] = []

    class Tap(MockTileGenerator):
        def generate(self, request: TileRequest, calls: CallLog) -> Iterator[RawCandidate]:
            for raw in super().generate(request, calls):
                answers.append(raw.data)
                yield raw

    with tempfile.TemporaryDirectory() as folder:
        session = Session.create(Path(folder) / "s", canvas)
        session.step("x_ltr", Tap(picture=DEMO / "picture.jpg", origin=ORIGIN), gate=None, artifacts="none")
    return answers


def bench_scorer(rounds: int) -> list[tuple[str, float, float, float]]:
    """The scorer for one strip pair, and for one candidate with all metrics, beside one Sobel pass over both strips."""
    canvas = demo_canvas()
    tile = Image.open(io.BytesIO(demo_answers(canvas)[0])).convert("RGB")
    before, after = extract_scoring_strips(canvas, tile, "x_ltr")

    def floor() -> None:
        for strip in (before, after):
            sobel_magnitude(strip.convert("L"))

    calibration = calibrate_tile(tile, canvas.crop((512, 0, 1024, 1024)), "x_ltr")
    return [
        ("one strip pair, all metrics", *compare(lambda: score_strips(before, after, "x_ltr"), floor, rounds)),
        (
            "one candidate, all metrics and vetoes",
            *compare(lambda: score_tile(canvas, calibration.tile, "x_ltr", CLASSIC, calibration), floor, rounds),
        ),
        ("the gate, once a step", *compare(lambda: interior_gate(canvas, "x_ltr"), floor, rounds)),
    ]


def bench_calibration(rounds: int) -> list[tuple[str, float, float, float]]:
    """The calibration of one tile, without and with a local displacement, beside the least: resampling it once."""
    box = (64, 64, 64 + CLASSIC.tile_px, 64 + CLASSIC.tile_px)
    with Image.open(DEMO / "picture.jpg") as image:
        picture = image.convert("RGB").crop((0, 0, CLASSIC.tile_px + 128, CLASSIC.tile_px + 128))
    band = picture.crop((box[0], box[1], box[0] + CLASSIC.band_px, box[3]))
    rows = []
    for name, warp_px in (("calibrating a tile", 0.0), ("calibrating a tile with a local warp", 3.0)):
        raw = redraw(picture, box, Drift.random("bench", warp_px=warp_px))

        def floor(raw: Image.Image = raw) -> object:
            return raw.resize(raw.size, Image.Resampling.LANCZOS, box=(0.5, 0.5, *raw.size))

        rows.append((name, *compare(lambda raw=raw: calibrate_tile(raw, band, "x_ltr"), floor, rounds)))  # type: ignore[misc]
    return rows


def bench_step(rounds: int) -> list[tuple[str, float, float, float]]:
    """A step with an instant generator beside decoding its candidates and encoding the pictures it must write."""
    canvas = demo_canvas()
    answers = demo_answers(canvas)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for calibrate in (False, True):
            session = Session.create(Path(folder) / f"calibrate-{calibrate}", canvas)

            def job(session: Session = session, calibrate: bool = calibrate) -> object:
                result = session.step("x_ltr", StoredAnswers(answers), gate=None, calibrate=calibrate)
                session.undo()
                return result

            step_folder = session.step("x_ltr", StoredAnswers(answers), gate=None, calibrate=calibrate).step_dir
            session.undo()
            raws = [path for path in step_folder.rglob("*.png") if path.name == "tile_out_raw.png"]
            pictures = [
                Image.open(path).copy()
                for path in step_folder.rglob("*.png")
                if path not in raws and path.read_bytes() not in answers
            ]

            def floor(pictures: list[Image.Image] = pictures) -> None:
                for data in answers:
                    Image.open(io.BytesIO(data)).load()
                for image in pictures:
                    png(image)

            rows.append((f"a step, calibrate={calibrate}", *compare(job, floor, rounds)))
    return rows


def bench_cut(_rounds: int) -> list[tuple[str, float, float, float]]:
    """A step with a cut, and the cut of a tile alone, beside a step without one; processor time, whatever the cores."""
    step, cut = step_cost(), cut_seconds((SOFTEN_PX,))[str(SOFTEN_PX)]
    return [
        (f"a step with a cut of {SOFTEN_PX} px", step["soft"], step["plain"], step["ratio"]),
        (f"a cut of {SOFTEN_PX} px beside a step", cut, step["plain"], cut / step["plain"]),
    ]


def child_step(root: str, rounds: int) -> None:
    """In a process of its own: the median time of a step on a session of `grown_session`, and the peak memory."""
    truth = _truth_of(Path(root))
    session = Session.open(root)

    def job() -> None:
        session.step("x_ltr", truth, gate=None, candidates=1, artifacts="none")
        session.undo()

    job()
    times = [seconds(job) for _ in range(rounds)]
    print(json.dumps({"seconds": statistics.median(times), "peak_bytes": peak_bytes()}))


def _truth_of(root: Path) -> Truth:
    """The true continuations of a session of `grown_session`."""
    with Image.open(root.parent / "truth.png") as image:
        return Truth(image.convert("RGB"), (image.width // 2, 0))


def grown_session(root: Path, strips: int) -> None:
    """Grow a session at `root` by this many strips to both sides, and write the true picture beside it.

    The picture is as long for every session, because the measured process has it in memory.
    """
    picture = draw("foliage", (2 * (SHORT.tile_px + max(STRIPS) * SHORT.advance_px), SHORT.across_px), 5)
    picture.save(root.parent / "truth.png")
    middle = picture.width // 2
    session = Session.create(root, picture.crop((middle, 0, middle + SHORT.tile_px, SHORT.across_px)), SHORT)
    truth = _truth_of(root)
    for number in range(strips):
        mode = ("x_ltr", "x_rtl", "x_ltr")[number % 3]
        result = session.step(mode, truth, gate=None, candidates=1, artifacts="none", calibrate=False)
        assert result.status == "committed", result.message


def bench_length(rounds: int) -> list[tuple[str, float, float, float]]:
    """A step at the longer canvas of STRIPS beside one at the shorter, in processes of their own: time, peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        roots = {strips: Path(folder) / str(strips) / "session" for strips in STRIPS}
        for strips, root in roots.items():
            root.parent.mkdir()
            grown_session(root, strips)
        figures: dict[int, list[dict[str, float]]] = {strips: [] for strips in STRIPS}
        for _ in range(3):
            for strips, runs in figures.items():
                command = [sys.executable, "-m", "tests.benchmarks.bench", "--child", str(roots[strips])]
                command += ["--rounds", str(4 * rounds)]
                runs.append(json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    rows = []
    for name, key, unit in (("time", "seconds", 1.0), ("peak memory in MiB", "peak_bytes", 1 / (1 << 20))):
        short, long = (statistics.median(entry[key] for entry in figures[strips]) * unit for strips in STRIPS)
        rows.append((f"a step at {STRIPS[1]} strips against {STRIPS[0]}: {name}", long, short, long / short))
    return rows


def buy(tiles: int, answer_s: float) -> None:
    """Buy this many tiles in parallel calls of one tile each from a server that takes `answer_s` for an answer."""
    with EmulatorServer(emulator(flat=True, any_size=True), latency=answer_s) as server:
        client = OpenAITileGeneratorClient(EMULATOR_KEY, base_url=server.emulator.base_url, calls="each", environ={})
        assert len(list(client.generate(request_for(candidates=tiles), NullCallLog()))) == tiles


def bench_calls(rounds: int) -> list[tuple[str, float, float, float]]:
    """Three paid calls at the same time beside one."""
    three, one = (lambda tiles=tiles: buy(tiles, ANSWER_S) for tiles in (3, 1))
    return [(f"three paid calls of {ANSWER_S:g} s each", *compare(three, one, min(rounds, 3)))]


def bench_import(rounds: int) -> list[tuple[str, float, float, float]]:
    """`import exquisite` beside `import PIL.Image`, each in a fresh interpreter."""

    def run(code: str) -> Job:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    with_pil = "import PIL.Image"
    figures = compare(run(f"{with_pil}; import exquisite"), run(with_pil), rounds)
    return [("importing exquisite after PIL.Image", *figures)]


GROUPS = {
    "scorer": bench_scorer,
    "calibration": bench_calibration,
    "step": bench_step,
    "cut": bench_cut,
    "length": bench_length,
    "calls": bench_calls,
    "import": bench_import,
}


def main() -> None:
    """Print the table of the chosen groups."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("groups", nargs="*", choices=[*GROUPS, []], help="what to measure; everything by default")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child_step(arguments.child, arguments.rounds)
        return
    print(f"{'job':44} {'job':>10} {'floor':>10} {'ratio':>7}")
    for group in arguments.groups or GROUPS:
        for name, mine, floor, ratio in GROUPS[group](arguments.rounds):
            unit = "" if "MiB" in name else " s"
            print(f"{name:44} {mine:>8.3f}{unit:2} {floor:>8.3f}{unit:2} {ratio:>7.2f}", flush=True)


if __name__ == "__main__":
    main()
