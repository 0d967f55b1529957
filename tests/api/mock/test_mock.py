"""The simulated model: the truth where a picture is known, texture where none is, and every way to misbehave."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageStat

from exquisite.api.generator import NullCallLog, RawCandidate, TileGenerator, TileRequest, describe
from exquisite.api.mock import MISBEHAVIOURS, MockTileGenerator
from exquisite.api.mock.drift import Drift, redraw
from exquisite.contract import CLASSIC, Mode, TileContract, to_canonical
from exquisite.errors import CanvasError, PictureError, UsageError
from exquisite.geometry.overlap_score import interior_gate, score_tile
from exquisite.geometry.reference_tile import build_reference_tile_and_mask
from exquisite.geometry.tile_mode import extract_conditioning_band, split_tile
from tests.support import pictures
from tests.support.reading import rgb_pixels

SMALL = TileContract(64, 32, 16, 16)
MODES = pytest.mark.parametrize("mode", Mode)
PICTURE = pictures.noise((192, 192), seed=7, cell=5)
ORIGIN = (64, 64)
"""Where the seed picture, 64 px square, lies in PICTURE: there is truth on all four sides of it."""


def request(mode: Mode | str = "x_ltr", candidates: int = 1, first: int = 0, step: int = 1) -> TileRequest:
    mode = Mode(mode)
    canvas = PICTURE.crop((*ORIGIN, ORIGIN[0] + 64, ORIGIN[1] + 64))
    box = SMALL.frame(mode, canvas.size).band
    band = canvas.crop(box)
    reference = build_reference_tile_and_mask(band, mode, SMALL)
    return TileRequest(mode, SMALL, band, *reference, "", candidates, step, first, box.origin)


def answers(generator: MockTileGenerator, tile_request: TileRequest) -> list[RawCandidate]:
    return list(generator.generate(tile_request, NullCallLog()))


def picture_of(candidate: RawCandidate) -> Image.Image:
    image = Image.open(io.BytesIO(candidate.data), formats=("PNG",))
    assert image.mode == "RGB"
    return image


def tile(generator: MockTileGenerator, mode: Mode | str = "x_ltr") -> Image.Image:
    (candidate,) = answers(generator, request(mode))
    return picture_of(candidate)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference, in levels."""
    return sum(ImageStat.Stat(ImageChops.difference(one, other)).mean) / 3


def truth(mode: Mode) -> tuple[int, int, int, int]:
    """The box of the whole tile in PICTURE."""
    frame = SMALL.tile_frame(mode)
    left, top = (
        o + b - h for o, b, h in zip(ORIGIN, request(mode).band_origin, frame.conditioning_half.origin, strict=True)
    )
    return left, top, left + 64, top + 64


def test_its_description_has_every_setting_that_changes_an_answer() -> None:
    generator = MockTileGenerator(3, PICTURE, ORIGIN, drift=Drift(shift=(1, 0)), misbehave="blur")
    assert isinstance(generator, TileGenerator)
    description = json.loads(json.dumps(describe(generator)))
    assert description["generator"] == "mock"
    for other in (
        MockTileGenerator(4, PICTURE, ORIGIN, drift=Drift(shift=(1, 0)), misbehave="blur"),
        MockTileGenerator(3, PICTURE.rotate(90), ORIGIN, drift=Drift(shift=(1, 0)), misbehave="blur"),
        MockTileGenerator(3, PICTURE, (0, 0), drift=Drift(shift=(1, 0)), misbehave="blur"),
        MockTileGenerator(3, PICTURE, ORIGIN, drift=Drift(shift=(2, 0)), misbehave="blur"),
        MockTileGenerator(3, PICTURE, ORIGIN, drift=Drift(shift=(1, 0))),
    ):
        assert describe(other) != description


class TestKnownPicture:
    @MODES
    def test_without_drift_the_tile_is_the_truth(self, mode: Mode) -> None:
        result = tile(MockTileGenerator(picture=PICTURE, origin=ORIGIN, drift=None), mode)
        assert result.tobytes() == PICTURE.crop(truth(mode)).tobytes()

    @MODES
    def test_with_a_drift_the_whole_tile_is_redrawn(self, mode: Mode) -> None:
        """Both halves, from one picture: also what the drift brings in from beyond the tile is true."""
        drift = Drift(shift=(1.5, -2.25), zoom=(1.01, 0.99), gamma=1.1, cast=(4, 0, -4))
        result = tile(MockTileGenerator(picture=PICTURE, origin=ORIGIN, drift=drift), mode)
        assert result.tobytes() == redraw(PICTURE, truth(mode), drift).tobytes()

    def test_the_band_comes_from_the_canvas_where_the_picture_differs(self) -> None:
        tile_request = request()
        other = pictures.constant(tile_request.band.size, (200, 30, 30))
        result = picture_of(
            answers(
                MockTileGenerator(picture=PICTURE, origin=ORIGIN, drift=None),
                TileRequest(**{**vars(tile_request), "band": other}),
            )[0]
        )
        conditioning, generated = split_tile(result, tile_request.mode, SMALL)
        assert conditioning.tobytes() == other.tobytes()
        assert generated.tobytes() == PICTURE.crop((128, 64, 160, 128)).tobytes()

    @pytest.mark.parametrize("mode", [Mode.X_RTL, Mode.Y_TTB])
    def test_texture_continues_the_picture_beyond_its_end(self, mode: Mode) -> None:
        """The picture reaches 10 px beyond the seed picture on every side."""
        near = PICTURE.crop((54, 54, 138, 138))
        (candidate,) = answers(MockTileGenerator(picture=near, origin=(10, 10), drift=None), request(mode))
        assert candidate.meta["source"] == "picture, then quilting"
        result, real = (to_canonical(image, mode) for image in (picture_of(candidate), PICTURE.crop(truth(mode))))
        assert result.crop((0, 0, 42, 64)).tobytes() == real.crop((0, 0, 42, 64)).tobytes()
        assert difference(result.crop((42, 0, 64, 64)), real.crop((42, 0, 64, 64))) > 20

    @pytest.mark.parametrize("origin", [(500, 0), (0, -40), (128, 64)])
    def test_a_tile_outside_the_picture_is_all_texture(self, origin: tuple[int, int]) -> None:
        (candidate,) = answers(MockTileGenerator(picture=PICTURE, origin=origin), request())
        assert candidate.meta["source"] == "quilting"

    def test_it_may_be_a_file(self, tmp_path: Path) -> None:
        PICTURE.save(tmp_path / "wide.png")
        result = tile(MockTileGenerator(picture=tmp_path / "wide.png", origin=ORIGIN, drift=None))
        assert result.tobytes() == PICTURE.crop((96, 64, 160, 128)).tobytes()

    def test_an_unreadable_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "text.png").write_text("no picture")
        for name in ("text.png", "missing.png"):
            with pytest.raises(PictureError, match=f"cannot read the known picture .*{name}"):
                MockTileGenerator(picture=tmp_path / name)
        with pytest.raises(CanvasError, match="the known picture has mode L"):
            MockTileGenerator(picture=Image.new("L", (64, 64)))


class TestCandidates:
    @pytest.mark.parametrize("mode", [Mode.X_LTR, Mode.Y_BTT])
    def test_without_a_picture_the_band_is_continued(self, mode: Mode) -> None:
        (candidate,) = answers(MockTileGenerator(drift=None), request(mode))
        conditioning, generated = split_tile(picture_of(candidate), mode, SMALL)
        assert candidate.meta["source"] == "quilting"
        assert conditioning.tobytes() == request(mode).band.tobytes()
        assert ImageStat.Stat(generated).stddev[0] > ImageStat.Stat(conditioning).stddev[0] / 2

    @pytest.mark.invariant("REPRODUCIBLE")
    def test_the_same_request_gets_the_same_bytes(self) -> None:
        one, other = (
            [candidate.data for candidate in answers(MockTileGenerator(5), request(candidates=2))] for _ in range(2)
        )
        assert one == other
        assert one[0] != one[1]

    @pytest.mark.parametrize(("seed", "step", "mode"), [(6, 1, "x_ltr"), (5, 2, "x_ltr"), (5, 1, "x_rtl")])
    def test_another_seed_step_or_mode_gets_another_drift(self, seed: int, step: int, mode: str) -> None:
        (first,) = answers(MockTileGenerator(5, PICTURE, ORIGIN), request())
        (other,) = answers(MockTileGenerator(seed, PICTURE, ORIGIN), request(mode, step=step))
        assert first.meta["drift"] != other.meta["drift"]

    def test_a_resumed_step_gets_the_missing_candidates(self) -> None:
        generator = MockTileGenerator(5)
        whole = answers(generator, request(candidates=2))
        rest = answers(generator, request(candidates=1, first=1))
        assert [candidate.data for candidate in whole[1:]] == [candidate.data for candidate in rest]

    def test_three_candidates_have_different_drifts_and_only_one_is_shifted(self) -> None:
        for step in range(1, 4):
            candidates = answers(MockTileGenerator(picture=PICTURE, origin=ORIGIN), request(candidates=3, step=step))
            drifts = [candidate.meta["drift"] for candidate in candidates]
            shifts = [drift["shift"] for drift in drifts]  # type: ignore[index]
            assert len({str(drift) for drift in drifts}) == 3
            assert shifts.count((0.0, 0.0)) == 2

    def test_a_restless_model_shifts_every_candidate(self) -> None:
        generator = MockTileGenerator(picture=PICTURE, origin=ORIGIN, restless=True)
        for candidate in answers(generator, request(candidates=3)):
            assert candidate.meta["drift"]["shift"] != (0.0, 0.0)  # type: ignore[index]

    def test_the_metadata_of_a_candidate_is_json(self) -> None:
        (candidate,) = answers(MockTileGenerator(picture=PICTURE, origin=ORIGIN), request())
        assert json.loads(json.dumps(dict(candidate.meta)))["drift"]["gamma"] > 0


class TestMisbehaviour:
    def generator(self, misbehave: str | tuple[str | None, ...]) -> MockTileGenerator:
        return MockTileGenerator(picture=PICTURE, origin=ORIGIN, drift=None, misbehave=misbehave)

    def halves(self, misbehaviour: str, mode: Mode) -> tuple[Image.Image, Image.Image]:
        whole = to_canonical(tile(self.generator(misbehaviour), mode), mode)
        return split_tile(whole, "x_ltr", SMALL)

    @pytest.mark.parametrize("drift", [-1, math.inf, math.nan])
    def test_a_strength_below_0_or_without_limit_is_refused(self, drift: float) -> None:
        with pytest.raises(UsageError, match="strength of the drift must be 0 or more"):
            MockTileGenerator(drift=drift)

    def test_an_unknown_misbehaviour_is_refused(self) -> None:
        with pytest.raises(UsageError, match="unknown misbehaviour worse: use drift, blur, cast"):
            MockTileGenerator(misbehave=("blur", "worse"))

    @pytest.mark.parametrize("name", MISBEHAVIOURS)
    def test_every_misbehaviour_changes_the_tile(self, name: str) -> None:
        (good,) = answers(self.generator(()), request())
        bad = answers(self.generator(name), request())
        assert [candidate.data for candidate in bad] != [good.data]
        assert all(candidate.meta["misbehaviour"] == name for candidate in bad)

    def test_a_tuple_sets_the_misbehaviour_of_each_candidate(self) -> None:
        generator = self.generator(("missing", None, "flat"))
        candidates = answers(generator, request(candidates=5))
        assert [candidate.meta["candidate"] for candidate in candidates] == [1, 2, 4]
        assert [candidate.meta["misbehaviour"] for candidate in candidates] == [None, "flat", None]

    @MODES
    def test_mirror(self, mode: Mode) -> None:
        conditioning, generated = self.halves("mirror", mode)
        assert generated.tobytes() == conditioning.transpose(Image.Transpose.FLIP_LEFT_RIGHT).tobytes()

    @MODES
    def test_copy(self, mode: Mode) -> None:
        conditioning, generated = self.halves("copy", mode)
        assert generated.tobytes() == conditioning.tobytes()

    @MODES
    def test_flat(self, mode: Mode) -> None:
        conditioning, generated = self.halves("flat", mode)
        assert conditioning.tobytes() == to_canonical(request(mode).band, mode).tobytes()
        assert len(set(rgb_pixels(generated))) == 1

    @pytest.mark.parametrize("mode", [Mode.X_LTR, Mode.Y_BTT])
    def test_another_picture_and_an_ignored_mask_leave_nothing_of_the_band(self, mode: Mode) -> None:
        band = to_canonical(request(mode).band, mode)
        for name in ("another", "ignore_mask"):
            assert difference(self.halves(name, mode)[0], band) > 20

    @pytest.mark.parametrize("mode", [Mode.X_RTL, Mode.Y_TTB])
    def test_an_ignored_mask_leaves_the_generated_half_alone(self, mode: Mode) -> None:
        real = to_canonical(PICTURE.crop(truth(mode)), mode)
        assert self.halves("ignore_mask", mode)[1].tobytes() == real.crop((32, 0, 64, 64)).tobytes()

    def test_blur_cast_and_drift(self) -> None:
        real = PICTURE.crop((96, 64, 160, 128))
        means, deviations = ImageStat.Stat(real).mean, ImageStat.Stat(real).stddev
        assert ImageStat.Stat(tile(self.generator("blur"))).stddev[0] < deviations[0] * 0.8
        cast = ImageStat.Stat(tile(self.generator("cast"))).mean
        assert cast[0] - means[0] > 20 > -20 > cast[2] - means[2]
        assert difference(tile(self.generator("drift")), real) > 5

    def test_wrong_size(self) -> None:
        assert tile(self.generator("wrong_size")).size == (48, 48)

    def test_truncated(self) -> None:
        (candidate,) = answers(self.generator("truncated"), request())
        image = Image.open(io.BytesIO(candidate.data))
        with pytest.raises(OSError, match="truncated"):
            image.load()


class TestGate:
    """Without a known picture the simulated model is good enough for the gate that a step has by default."""

    @pytest.mark.parametrize(("kind", "mode"), [("diagonals", Mode.X_LTR), ("painterly", Mode.X_RTL)])
    def test_its_continuation_of_a_picture_passes(self, kind: str, mode: Mode) -> None:
        band = extract_conditioning_band(pictures.draw(kind, CLASSIC.tile_size("x_ltr"), 1), mode)
        blank = Image.new("RGB", CLASSIC.tile_size("x_ltr"))
        tile_request = TileRequest(mode, CLASSIC, band, blank, blank.convert("RGBA"), "", candidates=1, step_index=1)
        score = score_tile(band, picture_of(*MockTileGenerator(drift=None).generate(tile_request, NullCallLog())), mode)
        gate = interior_gate(band, mode)
        assert gate.passes(score), f"{score.metrics['seam']:.2f} against {gate.threshold:.2f}, vetoes {score.vetoes}"
