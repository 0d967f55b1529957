"""Reference pictures and sketches: sent with the request, stored by content, and equal in every later use."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps

from exquisite import Session, StepOptions, TileContract
from exquisite.api.generator import TileRequest
from exquisite.api.mock import MockTileGenerator
from exquisite.contract import from_canonical
from exquisite.errors import PictureError, SessionDamagedError, UsageError
from exquisite.pipeline.journal.requests import request_digest, request_record
from exquisite.pipeline.step.reference_pictures import MAP_TILES, largest_map_size, map_size
from exquisite.pipeline.store.records import read_record
from exquisite.pipeline.store.session_pictures import decoded
from tests.support.faulty_files import QuickFiles
from tests.support.pictures import draw
from tests.support.tiny import TINY, InstantGenerator, PayingGenerator, grow, make_session, seed_picture, tree

SMALL = TileContract(64, 32, 16, 16)
RED = (230, 30, 60)


class Noting(InstantGenerator):
    """Keeps every request."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[TileRequest] = []

    def generate(self, request: TileRequest, calls: Any) -> Any:
        self.requests.append(request)
        return super().generate(request, calls)


@pytest.fixture
def style(tmp_path: Path) -> str:
    """A style sheet, as large as a tile of TINY."""
    path = tmp_path / "style.png"
    seed_picture(30, 20).save(path)
    return str(path)


@pytest.fixture
def session(tmp_path: Path) -> Session:
    return make_session(tmp_path / "s", ("x_ltr", "x_rtl"), files=QuickFiles())


def request_of(session: Session, mode: str = "x_ltr", **options: Any) -> TileRequest:
    """The request of one step."""
    generator = Noting()
    grow(session, mode, generator, **options)
    (request,) = generator.requests
    return request


class TestRequest:
    def test_the_pictures_follow_in_their_order_with_kind_hash_and_size(self, session: Session, style: str) -> None:
        request = request_of(session, references=["map", style, "seed"])
        assert [picture.kind for picture in request.references] == ["map", "file", "seed"]
        assert request.references[1].image.tobytes() == seed_picture(30, 20).tobytes()
        assert request.references[2].image.tobytes() == seed_picture().tobytes()
        record = session.store.steps.record(session.head)
        assert record["request"]["references"] == [picture.as_record() for picture in request.references]
        names = [f"{picture.kind}:{picture.sha256}" for picture in request.references]
        assert record["options"]["references"] == names
        for picture in request.references:
            data = (session.root / "pictures" / f"{picture.sha256}.png").read_bytes()
            assert data == picture.data
            assert decoded(data, picture.sha256) is not None
        assert session.verify().ok

    def test_the_prompt_explains_each_picture(self, session: Session, style: str) -> None:
        prompt = request_of(session, references=["seed", "map", style], prompt="a harbour").prompt
        assert prompt.startswith("Extend the first picture to the right.")
        assert "Picture 2 is the beginning of the same work. Picture 3 is a small map of the whole work" in prompt
        assert prompt.endswith("Picture 4 is a reference for style. "
                               "Match the style of the other pictures; copy nothing from them. a harbour")  # fmt: skip

    def test_a_request_without_references_has_no_field_for_them(self, session: Session, style: str) -> None:
        plain, other = (session.inputs("x_ltr", references=names) for names in ((), (style,)))
        record = request_record(plain, session.head, {"generator": "g"})
        assert not {"references", "scaffold_offset_px"} & record.keys()
        assert "references" not in plain.options.as_dict()
        assert request_digest(record) != request_digest(request_record(other, session.head, {"generator": "g"}))

    def test_a_file_longer_than_a_tile_is_scaled_down(self, session: Session, tmp_path: Path) -> None:
        seed_picture(200, 50).save(tmp_path / "long.png")
        assert request_of(session, references=[str(tmp_path / "long.png")]).references[0].size == (32, 8)

    def test_the_seed_is_shown_by_its_middle(self, tmp_path: Path) -> None:
        seed = seed_picture(80, 32)
        session = Session.create(tmp_path / "long", seed, TINY, files=QuickFiles())
        reference = request_of(session, references=["seed"]).references[0]
        assert reference.image.tobytes() == seed.crop((24, 0, 56, 32)).tobytes()

    def test_a_bad_name_or_file_stops_before_anything_is_written(self, session: Session, tmp_path: Path) -> None:
        before = tree(session.root)
        for bad in ("sead", "", 3):
            with pytest.raises(UsageError, match="a reference must be seed, map or a picture file, not"):
                grow(session, "x_ltr", references=[bad])
        for name in ("missing.png", str(Path(__file__))):
            with pytest.raises(PictureError):
                grow(session, "x_ltr", references=[name])
        assert tree(session.root) == before

    def test_a_picture_that_is_named_twice_is_refused(self, session: Session, style: str, tmp_path: Path) -> None:
        same = tmp_path / "same.png"
        shutil.copy(style, same)
        before = tree(session.root)
        with pytest.raises(UsageError, match="reference map is named twice"):
            grow(session, "x_ltr", references=["map", "seed", "map"])
        with pytest.raises(UsageError, match=r"same\.png is the same picture as .*style\.png"):
            grow(session, "x_ltr", references=[style, str(same)])
        assert tree(session.root) == before


class TestMap:
    def test_the_frame_is_as_thick_as_the_map_is_high(self, tmp_path: Path) -> None:
        """A sixty-fourth of its height: 2 px on a map that is 128 px high."""
        session = Session.create(tmp_path / "large", seed_picture(512, 512), TileContract(512, 256, 128, 128))
        picture = session.inputs("x_ltr", references=("map",)).references[0].image
        assert picture.height == 128
        row = [picture.getpixel((x, 64)) == RED for x in range(picture.width - 4, picture.width)]
        assert row == [False, False, True, True]

    @pytest.mark.parametrize("mode", ["x_ltr", "x_rtl"])
    def test_it_shows_the_canvas_and_frames_the_tile_at_the_end_that_grows(self, session: Session, mode: str) -> None:
        picture = request_of(session, mode, references=["map"]).references[0].image
        assert picture.size == map_size(TINY, 48) == (16, 8)
        canonical = ImageOps.mirror(picture) if mode == "x_rtl" else picture
        frame = [(x, y) for x in range(16) for y in range(8) if canonical.getpixel((x, y)) == RED]
        assert min(frame) == (8, 0)  # the band is the last 16 of 48 px, and a map is a quarter as large
        assert max(frame) == (15, 7)
        assert canonical.getpixel((13, 3)) == (128, 128, 128)

    def test_its_size_is_bounded_whatever_the_length_of_the_canvas(self) -> None:
        for contract in (TINY, SMALL, TileContract(1024, 512, 256, 256)):
            sizes = [map_size(contract, length) for length in range(contract.tile_px, 300 * contract.tile_px, 997)]
            assert all(size[0] <= largest_map_size(contract)[0] for size in sizes)
            assert all(size[1] <= largest_map_size(contract)[1] for size in sizes)
            assert map_size(contract, MAP_TILES * contract.tile_px) == map_size(contract, 10**6)

    def test_it_shows_the_growing_end_of_a_long_canvas(self, tmp_path: Path) -> None:
        canvas = Image.new("RGB", (MAP_TILES * 32 + 500, 32), "white")
        canvas.paste("black", (0, 0, 400, 32))
        session = Session.create(tmp_path / "long", canvas, TINY, files=QuickFiles())
        right, left = (session.inputs(mode, references=("map",)).references[0].image for mode in ("x_ltr", "x_rtl"))
        assert right.getpixel((8, 0)) == (255, 255, 255)
        assert left.getpixel((8, 0)) == (0, 0, 0)


class TestRepetition:
    def test_an_interrupted_step_sends_the_same_bytes_and_pays_once(self, session: Session, style: str) -> None:
        till: list[tuple[int, int]] = []

        class Interrupted(PayingGenerator):
            def generate(self, request: TileRequest, calls: Any) -> Any:
                requests.append(request)
                for number, tile in enumerate(super().generate(request, calls)):
                    yield tile
                    if number == 0 and len(requests) == 1:
                        raise KeyboardInterrupt

        requests: list[TileRequest] = []
        options: dict[str, Any] = {"candidates": 2, "references": [style, "map"]}
        with pytest.raises(KeyboardInterrupt):
            grow(session, "x_ltr", Interrupted(till), **options)
        assert session.verify().ok
        grow(Session.open(session.root), "x_ltr", Interrupted(till), **options)
        assert till == [(3, 0), (3, 1)]
        first, second = ([picture.data for picture in request.references] for request in requests)
        assert first == second
        assert session.verify() == Session.open(session.root).verify()
        assert session.verify().notes == ()

    def test_another_content_of_the_file_is_another_request(self, session: Session, style: str) -> None:
        one = session.inputs("x_ltr", references=(style,)).references[0].sha256
        seed_picture(30, 21).save(style)
        assert session.inputs("x_ltr", references=(style,)).references[0].sha256 != one

    def test_redo_sends_the_stored_picture_after_the_loss_of_the_file(self, session: Session, style: str) -> None:
        before = request_of(session, references=[style, "map", "seed"], scaffold_fill=style)
        Path(style).unlink()
        generator = Noting()
        assert session.redo(session.head, generator).result is not None
        again = generator.requests[0]
        assert [one.data for one in again.references] == [one.data for one in before.references]
        assert again.reference.tobytes() == before.reference.tobytes()

    def test_a_later_choice_keeps_the_references(self, session: Session, style: str) -> None:
        request_of(session, references=[style], candidates=2)
        references = session.store.steps.record(session.head)["options"]["references"]
        session.accept(1, references=["seed"], scaffold_fill="mirror")
        options = session.store.steps.record(session.head)["options"]
        assert (options["references"], options["scaffold_fill"]) == (references, "grey")


class TestVerify:
    def test_a_lost_map_is_restored_and_a_lost_file_is_named(self, session: Session, style: str) -> None:
        request = request_of(session, references=[style, "map"])
        file, map_file = (session.root / "pictures" / f"{one.sha256}.png" for one in request.references)
        whole = map_file.read_bytes()
        map_file.write_bytes(whole[:-30])
        file.unlink()
        findings = {finding.path: finding for finding in session.verify(repair=True).findings}
        assert findings[f"pictures/{map_file.name}"].repaired
        assert map_file.read_bytes() == whole
        missing = findings[f"pictures/{file.name}"]
        assert (missing.repaired, missing.problem) == (False, "it is missing")
        assert "step 3 cannot be redone or scored again with the file picture" in missing.consequence
        with pytest.raises(SessionDamagedError):
            session.rescore(step=3)

    def test_a_picture_that_no_step_names_is_foreign(self, session: Session) -> None:
        request_of(session, references=["seed"])
        (session.root / "pictures" / f"{'0' * 64}.png").write_bytes(b"x")
        (finding,) = session.verify().findings
        assert finding.problem == "no record names it"


class TestSketch:
    SKETCH = draw("ink", (90, 32), 2)

    def sketch(self, folder: Path) -> str:
        self.SKETCH.save(folder / "sketch.png")
        return str(folder / "sketch.png")

    def test_it_fills_the_generated_half_before_the_model_sees_it(self, session: Session, tmp_path: Path) -> None:
        request = request_of(session, scaffold_fill=self.sketch(tmp_path), scaffold_offset_px=20)
        frame = TINY.tile_frame("x_ltr")
        assert request.reference.crop(frame.generated_half).tobytes() == self.SKETCH.crop((20, 0, 36, 32)).tobytes()
        assert request.reference.crop(frame.conditioning_half).tobytes() == request.band.tobytes()
        record = session.store.steps.record(session.head)["request"]
        assert record["scaffold_fill"].startswith("file:")
        assert record["scaffold_offset_px"] == 20
        assert session.verify().ok

    @pytest.mark.parametrize("mode", ["x_ltr", "x_rtl", "y_ttb", "y_btt"])
    def test_it_begins_at_the_seam_in_every_direction(self, tmp_path: Path, mode: str) -> None:
        """Its end is grey, since it is shorter than the generated half."""
        frame = TINY.tile_frame(mode)
        sketch = Image.new("RGB", TINY.oriented((10, 32), mode), "white")
        sketch.save(tmp_path / "short.png")
        session = Session.create(tmp_path / mode, seed_picture(), TINY, files=QuickFiles())
        half = request_of(session, mode, scaffold_fill=str(tmp_path / "short.png")).reference.crop(frame.generated_half)
        near = {"x_ltr": (0, 9), "x_rtl": (15, 9), "y_ttb": (9, 0), "y_btt": (9, 15)}[mode]
        far = {"x_ltr": (15, 9), "x_rtl": (0, 9), "y_ttb": (9, 15), "y_btt": (9, 0)}[mode]
        assert (half.getpixel(near), half.getpixel(far)) == ((255, 255, 255), (128, 128, 128))

    @pytest.mark.invariant("NO-CUE-COMPOSITED")
    def test_no_pixel_of_it_is_committed(self, tmp_path: Path) -> None:
        one, other = (make_session(tmp_path / name, files=QuickFiles()) for name in ("plain", "sketched"))
        grow(one, "x_ltr")
        request_of(other, scaffold_fill=self.sketch(tmp_path))
        strips = [tree(session.root / "strips") for session in (one, other)]
        assert strips[0] == strips[1]

    def test_an_offset_beyond_its_end_is_refused(self, session: Session, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"sketch\.png ends before pixel 90, .* is 90 px long"):
            grow(session, "x_ltr", scaffold_fill=self.sketch(tmp_path), scaffold_offset_px=90)

    def test_invalid_sketches_are_refused(self) -> None:
        with pytest.raises(UsageError, match="use one of grey, edge, mirror, or a picture file"):
            StepOptions(scaffold_fill="mirrored")
        with pytest.raises(UsageError, match="needs a picture file"):
            StepOptions(scaffold_offset_px=3)
        with pytest.raises(UsageError, match="closes a loop takes no picture"):
            StepOptions(scaffold_fill="a.png", close=True)


@pytest.mark.invariant("MODES-EQUAL")
@pytest.mark.parametrize(("mode", "origin"), [("x_ltr", (0, 0)), ("y_btt", (0, 384))])
def test_a_candidate_that_copies_a_reference_into_the_new_half_is_vetoed(
    tmp_path: Path, mode: str, origin: tuple[int, int]
) -> None:
    """The other one wins, whatever the seams, also mirrored and turned."""
    contract = TileContract(128, 64, 32, 32)
    picture = from_canonical(draw("foliage", (512, 128), 2), mode)
    from_canonical(draw("painterly", (120, 100), 5), mode).save(tmp_path / "style.png")
    seed = picture.crop((*origin, origin[0] + 128, origin[1] + 128))
    session = Session.create(tmp_path / "s", seed, contract, files=QuickFiles())
    model = MockTileGenerator(0, picture, origin, drift=None, misbehave=("copy_reference", None))
    result = session.step(mode, model, candidates=2, references=[str(tmp_path / "style.png")])
    assert result.status == "committed"
    assert [score is not None and "reference" in score.vetoes for score in result.scores] == [True, False]
    assert result.chosen == 1
    raw = Image.open(io.BytesIO((result.step_dir / "candidates/0/tile_out_raw.png").read_bytes()))
    half = contract.tile_frame(mode).generated_half
    copy = ImageOps.fit(Image.open(tmp_path / "style.png"), half.size)
    assert ImageChops.difference(raw.crop(half), copy).getbbox() is None


def test_the_request_on_disk_names_its_pictures(session: Session, style: str) -> None:
    request_of(session, references=[style])
    request = read_record(session.store.steps.folder(session.head) / "request.json")
    assert request["references"][0]["kind"] == "file"
    assert request["digest"] == request_digest({k: v for k, v in request.items() if k not in ("options", "digest")})
