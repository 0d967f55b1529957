"""Hostile answers and files end in an error of this package, with bounded memory and time and no partial writes."""

from __future__ import annotations

import contextlib
import json
import random
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from exquisite.api.answer import answer_bytes_max, candidates_in, read_body
from exquisite.api.cassette.interactions import Cassette
from exquisite.api.generator import RawCandidate, StoredAnswer, TileRequest
from exquisite.api.png import decode_tile, png_bytes_max
from exquisite.errors import AnswerError, ExquisiteError, ReplayError, SessionDamagedError
from exquisite.pipeline.fitting import open_picture
from exquisite.pipeline.session import Session
from exquisite.pipeline.store.records import seal, unseal
from exquisite.pipeline.verify import verify_path
from tests.support.children import run_python
from tests.support.faulty_files import QuickFiles
from tests.support.hostile import good_png, harmless_pictures, hostile_answers, hostile_pictures, mutated
from tests.support.tiny import TINY, make_session, seed_picture, tree

PICTURES = hostile_pictures(TINY)
ANSWERS = hostile_answers(TINY)
WHOLE_PICTURE = ("cut before the end", "two answers", "not UTF-8")
"""Answers that are damaged around a whole picture: it was paid for, so it is used."""

SECONDS = 5.0
"""Of a processor: more than any of them may take; most take less than a hundredth of it."""


def peak_and_seconds(run: Callable[[], object]) -> tuple[int, float]:
    """(peak of the memory that Python allocates in bytes, seconds)."""
    tracemalloc.start()
    start = time.process_time()
    with contextlib.suppress(ExquisiteError):
        run()
    peak, seconds = tracemalloc.get_traced_memory()[1], time.process_time() - start
    tracemalloc.stop()
    return peak, seconds


def test_the_corpus_is_large_enough() -> None:
    """Each kind counts once, however often it is cut."""
    kinds = {name.split(" at the end")[0].split(" in chunk")[0] for name in PICTURES} | ANSWERS.keys()
    assert len(kinds) >= 110


@pytest.mark.invariant("PNG-PINNED")
@pytest.mark.parametrize("name", PICTURES)
def test_a_hostile_picture_is_refused_with_our_error(name: str) -> None:
    """The decoder raises no error of its own and returns no tile."""
    with pytest.raises(AnswerError) as caught:
        decode_tile(PICTURES[name], TINY)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("name", harmless_pictures(TINY))
def test_an_unusual_but_valid_picture_gives_the_tile(name: str) -> None:
    """Extra chunks, profiles and orientation change no pixel."""
    tile = decode_tile(harmless_pictures(TINY)[name], TINY)
    assert tile.tobytes() == seed_picture(32, 32).tobytes()


def test_pictures_cost_little_memory_and_time() -> None:
    """At most four times what the largest accepted tile needs, and what the body itself takes."""
    too_much = {}
    for name, data in (PICTURES | harmless_pictures(TINY)).items():
        peak, seconds = peak_and_seconds(partial(decode_tile, data, TINY))
        if peak > 4 * png_bytes_max(TINY) or seconds > SECONDS:
            too_much[name] = (peak, seconds)
    assert too_much == {}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_hostile_answer_gives_no_tile(name: str) -> None:
    """An answer is refused, or holds nothing that decodes; `candidates_in` keeps the others."""
    body = ANSWERS[name]
    if name in WHOLE_PICTURE:
        assert {raw.data for raw in candidates_in([StoredAnswer(0, body, {})])} == {good_png(TINY)}
        return
    with contextlib.suppress(AnswerError):
        for raw in candidates_in([StoredAnswer(0, body, {})]):
            with pytest.raises(AnswerError):
                decode_tile(raw.data, TINY)
    good = StoredAnswer(1, good_png(TINY), {})
    candidates = candidates_in([StoredAnswer(0, body, {}), good])
    assert candidates[-1].data == good.body


def test_answers_cost_little_memory_and_time() -> None:
    """At most four times what the largest answer that is read takes."""
    too_much = {}
    for name, body in ANSWERS.items():
        peak, seconds = peak_and_seconds(partial(read_body, body))
        if peak > 4 * answer_bytes_max(TINY) or seconds > SECONDS:
            too_much[name] = (peak, seconds)
    assert too_much == {}


def test_the_process_as_a_whole_stays_small() -> None:
    """The large ones at a real size, in a process of its own: what decoders allocate counts, too."""
    code = """
import contextlib
from exquisite.api.png import decode_tile, png_bytes_max
from exquisite.contract import TileContract
from exquisite.errors import AnswerError
from tests.support.hostile import hostile_pictures
from tests.support.memory_peak import peak_bytes
contract = TileContract(512, 256, 128, 128)
pictures = [data for name, data in hostile_pictures(contract).items() if not name.startswith(("cut", "wrong CRC"))]
before = peak_bytes()
for data in pictures:
    with contextlib.suppress(AnswerError):
        decode_tile(data, contract)
print((peak_bytes() - before) / png_bytes_max(contract))
"""
    process = run_python(code)
    assert process.returncode == 0, process.stderr
    assert float(process.stdout) <= 4


@pytest.mark.parametrize("name", PICTURES)
def test_init_turns_a_hostile_file_into_an_error_or_a_picture(name: str, tmp_path: Path) -> None:
    """`open_picture` takes more kinds than a tile may be; what it refuses, it refuses with a sentence."""
    path = tmp_path / "canvas.png"
    path.write_bytes(PICTURES[name])
    start, refusal = time.process_time(), ""
    try:
        assert open_picture(path).width > 0
    except ExquisiteError as error:
        refusal = str(error)
    assert str(path) in (refusal or str(path))
    assert time.process_time() - start < SECONDS
    assert [path.name for path in tmp_path.iterdir()] == ["canvas.png"]


@pytest.mark.invariant("HEAD-ATOMIC")
def test_a_step_with_hostile_answers_leaves_a_whole_session(tmp_path: Path) -> None:
    """The step scores the stored answers, glues nothing, and leaves the canvas unchanged."""
    root = tmp_path / "s"
    session = make_session(root, ("x_ltr",), files=QuickFiles())
    head = tree(root)["HEAD"]

    class Rubbish:
        def generate(self, request: TileRequest, calls: object) -> list[RawCandidate]:
            names = sorted(PICTURES)[request.step_index :: 40]
            return [RawCandidate(PICTURES[name]) for name in names][: request.candidates]

    for _ in range(5):
        with contextlib.suppress(ExquisiteError):
            assert session.step("x_ltr", Rubbish(), candidates=3).status == "rejected"
    assert tree(root)["HEAD"] == head
    assert verify_path(root).ok
    assert Session.open(root).canvas_size == (40, 32)


def test_mutations_of_a_tile_are_accepted_or_refused() -> None:
    """400 of them: a tile of the right size, or our error."""
    assert mutate_tiles(400, seed=1) == []


def test_mutations_of_a_step_record_are_detected() -> None:
    """300 of them: every one that changes a byte is damage."""
    assert mutate_records(300, seed=2) == []


def test_mutations_of_a_cassette_are_accepted_or_refused(tmp_path: Path) -> None:
    """300 of them: a recording, or our error."""
    assert mutate_cassettes(300, tmp_path, seed=3) == []


def mutate_tiles(count: int, seed: int) -> list[str]:
    """Decode `count` mutations of usual and unusual PNGs; returns a description of each failure."""
    chance = random.Random(seed)
    corpus = [good_png(TINY), *harmless_pictures(TINY).values()]
    corpus = [data for data in corpus if len(data) < 20_000]
    failures = []
    for number in range(count):
        data = mutated(chance.choice(corpus), chance)
        try:
            tile = decode_tile(data, TINY)
            if (tile.size, tile.mode) != (TINY.tile_size("x_ltr"), "RGB"):
                failures.append(f"mutation {number} of seed {seed} became {tile.mode} {tile.size}")
        except AnswerError:
            pass
        except Exception as error:
            failures.append(f"mutation {number} of seed {seed}: {error!r}")
    return failures


def mutate_records(count: int, seed: int) -> list[str]:
    """Open `count` mutations of a sealed record; returns a description of each failure."""
    chance = random.Random(seed)
    record = seal({"format": 1, "step": 12, "tips": {"low": [{"origin": [0, -8]}]}, "files": {"a": "0" * 64}})
    failures = []
    for number in range(count):
        data = mutated(record, chance)
        try:
            unseal(data, Path("step.json"))
            if data != record:
                failures.append(f"mutation {number} of seed {seed} was taken")
        except SessionDamagedError:
            pass
        except Exception as error:
            failures.append(f"mutation {number} of seed {seed}: {error!r}")
    return failures


def mutate_cassettes(count: int, folder: Path, seed: int) -> list[str]:
    """Load `count` mutations of a recording; returns a description of each failure."""
    chance = random.Random(seed)
    source = Path(__file__).parents[2] / "fixtures" / "cassettes" / "x_ltr.json"
    document = json.loads(source.read_bytes())
    recording = json.dumps(document).encode()
    path = folder / "mutated.json"
    failures = []
    for number in range(count):
        path.write_bytes(mutated(recording, chance))
        try:
            assert len(Cassette(path).interactions) < 1_000
        except ReplayError:
            pass
        except Exception as error:
            failures.append(f"mutation {number} of seed {seed}: {error!r}")
    return failures
