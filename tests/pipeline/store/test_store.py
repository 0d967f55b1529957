"""The canvas on disk: numbers, heads, strips and pointers, and what a crash may leave of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from exquisite.contract import Box, Mode
from exquisite.errors import (
    CanvasError,
    SessionDamagedError,
    SessionExistsError,
    SessionLockedError,
    SessionNotFoundError,
    StorageError,
    UsageError,
)
from exquisite.pipeline.session import Session
from exquisite.pipeline.store import Store
from exquisite.pipeline.store.records import read_record
from tests.support.faulty_files import QuickFiles
from tests.support.tiny import TINY, PayingGenerator, grow, make_session, png, seed_picture, tree

QUICK = QuickFiles()


def test_a_session_begins_with_its_seed_picture(tmp_path: Path) -> None:
    """Step 0 is the seed; its frontier is its own band, in each direction."""
    picture = seed_picture(40, 32)
    store = Store.create(tmp_path / "s", picture, TINY, {}, QUICK)
    assert (store.head, store.axis, store.steps.last()) == (0, None, 0)
    assert store.canvas_box(0) == Box(0, 0, 40, 32)
    assert store.frontier(0, Mode.X_LTR).tobytes() == picture.crop((24, 0, 40, 32)).tobytes()
    assert store.frontier(0, Mode.X_RTL).tobytes() == picture.crop((0, 0, 16, 32)).tobytes()


def test_a_picture_that_cannot_grow_makes_no_session(tmp_path: Path) -> None:
    """The message has both reasons."""
    with pytest.raises(CanvasError, match=r"x_ltr.*y_ttb"):
        Store.create(tmp_path / "s", seed_picture(31, 33), TINY, {}, QUICK)
    assert list(tmp_path.iterdir()) == []


def test_no_existing_file_is_overwritten(tmp_path: Path) -> None:
    """A session, a folder with other things, a file."""
    make_session(tmp_path / "s", files=QUICK)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("s", "other", "file"):
        with pytest.raises(SessionExistsError, match=name):
            make_session(tmp_path / name, files=QUICK)


def test_init_refuses_a_session_without_its_head(tmp_path: Path) -> None:
    """Steps are there: `init` refuses, and leaves every file as it is."""
    make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    (tmp_path / "s" / "HEAD").unlink()
    before = tree(tmp_path / "s")
    with pytest.raises(SessionDamagedError, match="verify --repair"):
        make_session(tmp_path / "s", files=QUICK)
    assert tree(tmp_path / "s") == before


@pytest.mark.invariant("NO-LITTER")
def test_an_interrupted_init_may_run_again_with_another_picture(tmp_path: Path) -> None:
    """The session has nothing of the first picture."""
    make_session(tmp_path / "s", files=QUICK)
    (tmp_path / "s" / "HEAD").unlink()
    Store.create(tmp_path / "s", seed_picture(48, 32), TINY, {}, QUICK)
    Store.create(tmp_path / "fresh", seed_picture(48, 32), TINY, {}, QUICK)
    assert tree(tmp_path / "s") == tree(tmp_path / "fresh")


def test_a_missing_session_or_branch_is_an_error_of_its_own(tmp_path: Path) -> None:
    """A missing or empty folder, a folder without HEAD, and an unknown branch have different errors."""
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(SessionNotFoundError, match="`init`"):
            Store(path)
    make_session(tmp_path / "s", files=QUICK)
    (tmp_path / "s" / "HEAD").unlink()
    with pytest.raises(SessionDamagedError, match="without its HEAD"):
        Store(tmp_path / "s")
    with pytest.raises(UsageError, match="no branch 'x'"):
        Store(make_session(tmp_path / "t", files=QUICK).root, "x")


@pytest.mark.parametrize("content", [b"", b"000001\n", b"000001 " + b"0" * 64 + b"\n", b"000099 " + b"0" * 64 + b"\n"])
def test_a_head_is_checked_against_its_step(tmp_path: Path, content: bytes) -> None:
    """Cut, and pointing at another record or at none."""
    make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    (tmp_path / "s" / "HEAD").write_bytes(content)
    with pytest.raises(SessionDamagedError, match=r"HEAD|step\.json"):
        Store(tmp_path / "s").head  # noqa: B018


def test_the_last_number_is_found_without_listing(tmp_path: Path) -> None:
    """A galloping search finds the last of any number of steps from any start."""
    store = Store.create(tmp_path / "s", seed_picture(), TINY, {}, QUICK)
    for number in range(1, 40):
        store.steps.folder(number).mkdir()
        assert store.steps.last() == number
        assert {store.steps.last(start) for start in range(number + 1)} == {number}


def test_status_looks_at_as_many_files_on_a_long_canvas_as_on_a_short_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step and undo do so, too: no search begins at step 0."""
    session = make_session(tmp_path / "s", files=QUICK)
    looks: list[str] = []

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def look(path: Path, *arguments: object, **options: object) -> object:
            looks.append(str(path))
            return real(path, *arguments, **options)

        return look

    for name in ("is_dir", "is_file", "exists", "read_bytes", "iterdir", "glob"):
        monkeypatch.setattr(Path, name, counted(getattr(Path, name)))
    counts: dict[int, list[int]] = {}
    for steps in (4, 40):
        while session.head < steps:
            grow(session, "x_ltr")
        counts[steps] = []
        operations: list[Callable[[], object]] = [session.status, lambda: grow(session, "x_ltr"), session.undo]
        for operation in operations:
            looks.clear()
            operation()
            counts[steps].append(len(looks))
        grow(session, "x_ltr")
    assert counts[4] == counts[40]


def test_step_numbers_are_never_reused(tmp_path: Path) -> None:
    """After an undo the next step has a new one, and the old one's files stay."""
    session = make_session(tmp_path / "s", ("x_ltr", "x_ltr"), files=QUICK)
    session.undo()
    assert grow(session, "x_rtl").step_index == 3
    assert (tmp_path / "s" / "steps" / "000002" / "step.json").is_file()
    assert [record["step"] for record in session.log()] == [3, 1, 0]


def test_growing_to_the_low_side_moves_the_origin_and_renumbers_nothing(tmp_path: Path) -> None:
    """Coordinates are signed, from the seed's top left pixel."""
    session = make_session(tmp_path / "s", ("x_rtl", "x_rtl", "x_ltr"), files=QUICK)
    assert (session.canvas_size, session.canvas_origin) == ((56, 32), (-16, 0))
    places = [tuple(record["strip"]["origin"]) for record in session.log()]
    assert places == [(32, 0), (-16, 0), (-8, 0), (0, 0)]


def test_a_tip_holds_no_more_strips_than_cover_the_band(tmp_path: Path) -> None:
    """A frontier costs the same after any number of steps."""
    session = make_session(tmp_path / "s", ("x_ltr",) * 6, files=QUICK)
    store = Store(tmp_path / "s")
    assert [len(store.steps.record(number)["tips"]["high"]) for number in range(7)] == [1, 2, 2, 2, 2, 2, 2]
    assert session.frontier("x_rtl").tobytes() == seed_picture().crop((0, 0, 16, 32)).tobytes()


def test_an_altered_strip_is_never_continued(tmp_path: Path) -> None:
    """The step also refuses a strip of another size under the right name, and a missing one."""
    session = make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    strip = next(session.log())["strip"]["sha256"]
    path = tmp_path / "s" / "strips" / f"{strip}.png"
    for content in (path.read_bytes() + b"x", png(seed_picture(8, 31)), b""):
        path.write_bytes(content)
        with pytest.raises(SessionDamagedError, match=strip):
            Store(tmp_path / "s").frontier(1, Mode.X_LTR)


@pytest.mark.invariant("ONE-WRITER")
def test_an_altered_strip_is_written_again(tmp_path: Path) -> None:
    store = make_session(tmp_path / "s").store
    data = png(seed_picture(8, 32))
    store.add_strip(data)
    (path,) = (one for one in (store.root / "strips").iterdir() if one.read_bytes() == data)
    for altered in (data[:-1] + bytes([data[-1] ^ 1]), data[:9]):
        path.write_bytes(altered)
        store.add_strip(data)
        assert path.read_bytes() == data


def test_a_second_writer_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    """Step, undo and branch all ask for the lock before they touch anything."""
    session = make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    before = tree(tmp_path / "s")
    lock = Store(tmp_path / "s").lock()
    for write in (lambda: grow(session, "x_ltr"), session.undo, lambda: session.branch("b"), lambda: session.accept(0)):
        with pytest.raises(SessionLockedError, match="another run"):
            write()
    assert tree(tmp_path / "s") == before
    lock.release()
    grow(session, "x_ltr")


@pytest.mark.invariant("READERS-BESIDE")
def test_readers_see_a_whole_state_at_every_moment_of_a_writer(tmp_path: Path) -> None:
    """After each effect of a step: the canvas before it or after it, with whole strips."""
    states = []

    class Read(QuickFiles):
        def replace(self, source: Path, target: Path) -> None:
            super().replace(source, target)
            reader = Session.open(tmp_path / "s")
            states.append(
                (reader.canvas_size, reader.frontier("x_ltr").size, reader.status().head, reader.verify().ok)
            )

    make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    grow(Session.open(tmp_path / "s", files=Read()), "x_ltr")
    assert set(states) == {((40, 32), (16, 32), 1, True), ((48, 32), (16, 32), 2, True)}


def test_a_writer_removes_drafts_and_restores_folders(tmp_path: Path) -> None:
    """It also records an axis that the session lacks."""
    session = make_session(tmp_path / "s", ("x_ltr",), files=QUICK)
    (tmp_path / "s" / "tmp" / "draft").write_bytes(b"half")
    shutil.rmtree(tmp_path / "s" / "heads")
    path = tmp_path / "s" / "session.json"
    session.store._amend(axis=None)
    assert read_record(path)["axis"] is None
    Store(tmp_path / "s", files=QUICK).lock().release()
    assert read_record(path)["axis"] == "x"
    assert list((tmp_path / "s" / "tmp").iterdir()) == []
    assert (tmp_path / "s" / "heads").is_dir()


@pytest.mark.parametrize("name", ["", "..", "a/b", ".hidden", "ü", "x" * 65, "a b"])
def test_branches_have_plain_names(tmp_path: Path, name: str) -> None:
    """What is no file name everywhere is refused; so is a name that is taken."""
    session = make_session(tmp_path / "s", files=QUICK)
    with pytest.raises(UsageError, match="bad branch name"):
        session.branch(name)
    session.branch("fine")
    with pytest.raises(UsageError, match="exists already"):
        session.branch("fine")


@pytest.mark.invariant("ANSWERS-FIRST")
def test_nothing_is_bought_without_room_on_the_disk(tmp_path: Path) -> None:
    """A nearly full disk refuses before the request leaves; a free generator is not asked."""

    class NearlyFull(QuickFiles):
        def free_space(self, folder: Path) -> int:
            return 5_000_000

    make_session(tmp_path / "s", files=QUICK)
    session = Session.open(tmp_path / "s", files=NearlyFull())
    till: list[tuple[int, int]] = []
    with pytest.raises(StorageError, match=r"only 5 MB are free .* nothing was sent"):
        grow(session, "x_ltr", PayingGenerator(till))
    assert till == []
    assert session.status().money.spent == 0
    assert grow(session, "x_ltr").status == "committed"
