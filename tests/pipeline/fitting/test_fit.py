"""Any picture becomes a canvas of the contract's size, and every change is stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms, ImageDraw

from exquisite.contract import CLASSIC, TileContract
from exquisite.errors import PictureError, UsageError
from exquisite.pipeline.fitting import FITS, fit_file, fit_picture, open_picture

SMALL = TileContract(64, 32, 16, 16)


def corner_picture(size: tuple[int, int] = (100, 64)) -> Image.Image:
    """Red, with a blue top left corner, so that turning and cropping can be seen."""
    picture = Image.new("RGB", size, (200, 30, 20))
    ImageDraw.Draw(picture).rectangle((0, 0, 9, 9), fill=(10, 20, 220))
    return picture


def save(tmp_path: Path, picture: Image.Image, name: str, **options: Any) -> Path:
    path = tmp_path / name
    picture.save(path, **options)
    return path


class TestFittingPicture:
    @pytest.mark.parametrize("fit", FITS)
    def test_passes_through_pixel_for_pixel(self, fit: str) -> None:
        picture = corner_picture()
        fitted = fit_picture(picture, SMALL, "x", fit)
        assert fitted.image.tobytes() == picture.tobytes()
        assert fitted.changes == []

    def test_is_recorded_with_its_file(self, tmp_path: Path) -> None:
        record = fit_picture(open_picture(save(tmp_path, corner_picture(), "ink.png")), SMALL).record
        assert (record["name"], record["format"]) == ("ink.png", "PNG")
        assert (record["size"], record["mode"]) == ([100, 64], "RGB")
        assert len(record["sha256"]) == 64

    def test_loses_its_metadata(self, tmp_path: Path) -> None:
        path = save(tmp_path, corner_picture(), "ink.png", dpi=(300, 300))
        assert fit_picture(open_picture(path), SMALL).image.info == {}


class TestSize:
    def test_scale_takes_all_of_it_to_the_size_across(self) -> None:
        fitted = fit_picture(corner_picture((300, 128)), SMALL, "x", "scale")
        assert fitted.image.size == (150, 64)
        assert fitted.changes == ["scaled from 300x128 to 150x64"]

    def test_scale_enlarges_too(self) -> None:
        assert fit_picture(Image.new("RGB", (300, 300)), CLASSIC).image.size == (1024, 1024)

    def test_crop_cuts_the_middle_and_scales_nothing(self) -> None:
        picture = Image.new("RGB", (80, 100))
        picture.paste((255, 255, 255), (0, 18, 80, 82))
        fitted = fit_picture(picture, SMALL, "x", "crop")
        assert fitted.image.size == (80, 64)
        assert fitted.image.getextrema() == ((255, 255),) * 3
        assert fitted.changes == ["cropped from 80x100 to 80x64 at 0,18"]

    def test_pad_centres_the_picture_on_white_and_scales_nothing(self) -> None:
        fitted = fit_picture(Image.new("RGB", (20, 30)), SMALL, "x", "pad")
        assert fitted.image.size == (32, 64)
        assert fitted.image.crop((6, 17, 26, 47)).getextrema() == ((0, 0),) * 3
        assert fitted.image.getpixel((5, 17)) == fitted.image.getpixel((6, 16)) == (255, 255, 255)

    def test_pad_scales_down_too_large_a_picture(self) -> None:
        assert fit_picture(corner_picture((200, 128)), SMALL, "x", "pad").changes == ["scaled from 200x128 to 100x64"]

    def test_along_y_the_width_is_fitted(self) -> None:
        assert fit_picture(corner_picture((128, 300)), SMALL, "y").image.size == (64, 150)
        assert fit_picture(corner_picture((80, 70)), SMALL, "y", "crop").image.size == (64, 70)
        assert fit_picture(corner_picture((20, 10)), SMALL, "y", "pad").image.size == (64, 32)

    def test_too_narrow_a_picture_is_refused_with_advice(self) -> None:
        with pytest.raises(PictureError, match=r"10x64: its width must be at least 32 px .* --fit pad, or --axis y"):
            fit_picture(corner_picture((10, 64)), SMALL)

    def test_too_small_a_picture_is_not_cropped(self) -> None:
        with pytest.raises(PictureError, match="too small to crop to 64 px"):
            fit_picture(corner_picture((100, 63)), SMALL, "x", "crop")

    def test_unknown_words_are_refused(self) -> None:
        with pytest.raises(UsageError, match="unknown axis 'z'"):
            fit_picture(corner_picture(), SMALL, "z")
        with pytest.raises(UsageError, match="unknown fit 'stretch'"):
            fit_picture(corner_picture(), SMALL, "x", "stretch")


def test_a_scaled_length_is_rounded_to_the_nearest_pixel() -> None:
    assert fit_picture(corner_picture((103, 96)), SMALL).image.size == (69, 64)


class TestOrientation:
    @pytest.mark.parametrize(
        ("orientation", "stored_as"),
        [
            (2, Image.Transpose.FLIP_LEFT_RIGHT),
            (3, Image.Transpose.ROTATE_180),
            (4, Image.Transpose.FLIP_TOP_BOTTOM),
            (5, Image.Transpose.TRANSPOSE),
            (6, Image.Transpose.ROTATE_90),
            (7, Image.Transpose.TRANSVERSE),
            (8, Image.Transpose.ROTATE_270),
        ],
    )
    def test_exif_orientation_is_applied(self, tmp_path: Path, orientation: int, stored_as: Image.Transpose) -> None:
        upright = corner_picture((100, 64))
        stored = upright.transpose(stored_as)
        exif = Image.Exif()
        exif[0x0112] = orientation
        fitted = fit_picture(open_picture(save(tmp_path, stored, "photo.png", exif=exif)), SMALL)
        assert fitted.image.tobytes() == upright.tobytes()
        assert fitted.changes == [f"turned upright (EXIF orientation {orientation})"]

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_sizes_are_checked_upright_before_decoding(self, tmp_path: Path, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = save(tmp_path, corner_picture((100, 64)), "photo.png", exif=exif)
        sizes: list[tuple[int, int]] = []
        open_picture(path, sizes.append)
        assert sizes == [(100, 64) if orientation < 5 else (64, 100)]

    @pytest.mark.parametrize("value", [0, 1, 9, 42])
    def test_an_orientation_that_turns_nothing_is_left_alone(self, value: int) -> None:
        picture = corner_picture()
        picture.getexif()[0x0112] = value
        assert fit_picture(picture, SMALL).changes == []


class TestColour:
    @pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "HSV", "RGBX"])
    def test_other_modes_become_rgb_and_are_reported(self, mode: str) -> None:
        fitted = fit_picture(Image.new(mode, (64, 64)), SMALL)
        assert fitted.image.mode == "RGB"
        assert len(fitted.changes) == 1
        assert "convert" in fitted.changes[0]

    def test_sixteen_bits_are_rounded_to_eight(self) -> None:
        for value in (0, 128, 129, 32896, 65406, 65407, 65535):
            fitted = fit_picture(Image.new("I;16", (64, 64), value), SMALL)
            assert fitted.image.getpixel((3, 3)) == (int(value / 257 + 0.5),) * 3
            assert fitted.changes[0] == "reduced from 16 to 8 bits"

    def test_a_range_is_never_guessed(self) -> None:
        for mode, value in (("F", 0.5), ("I", 1 << 20), ("I", -1)):
            with pytest.raises(PictureError, match="its range is unknown"):
                fit_picture(Image.new(mode, (64, 64), value), SMALL)

    def test_a_profile_is_converted_to_srgb(self) -> None:
        picture = Image.new("LAB", (64, 64), (120, 60, 200))
        lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
        picture.info["icc_profile"] = lab.tobytes()
        converted = ImageCms.profileToProfile(picture, lab, ImageCms.createProfile("sRGB"), outputMode="RGB")
        assert converted is not None
        fitted = fit_picture(picture, SMALL)
        assert fitted.image.tobytes() == converted.tobytes() != picture.tobytes()
        assert fitted.changes[0].startswith("converted to sRGB from the profile")

    def test_srgb_itself_changes_nothing(self) -> None:
        picture = corner_picture()
        expected = picture.tobytes()
        picture.info["icc_profile"] = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
        fitted = fit_picture(picture, SMALL)
        assert (fitted.image.tobytes(), fitted.changes) == (expected, [])

    def test_a_broken_profile_is_ignored_and_reported(self) -> None:
        picture = corner_picture()
        expected = picture.tobytes()
        picture.info["icc_profile"] = b"no profile"
        fitted = fit_picture(picture, SMALL)
        assert fitted.image.tobytes() == expected
        assert "ignored its colour profile" in fitted.changes[0]


class TestTransparency:
    @pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La", "PA"])
    def test_is_flattened_on_white(self, mode: str) -> None:
        picture = Image.new(mode, (64, 64))
        picture.putpixel((0, 0), (0,) * (len(picture.getbands()) - 1) + (255,))
        fitted = fit_picture(picture, SMALL)
        assert fitted.image.getpixel((0, 0)) == (0, 0, 0)
        assert fitted.image.crop((1, 0, 64, 64)).getextrema() == ((255, 255),) * 3
        assert fitted.changes[-1] == "flattened its transparency on white"

    @pytest.mark.parametrize("mode", ["RGBA", "LA", "RGBa", "La", "PA"])
    def test_nothing_but_transparency_is_refused(self, mode: str) -> None:
        """A canvas that is white everywhere would say nothing to the model."""
        with pytest.raises(PictureError, match="transparent everywhere"):
            fit_picture(Image.new(mode, (64, 64)), SMALL)

    def test_half_transparent_is_half_white(self) -> None:
        fitted = fit_picture(Image.new("RGBA", (64, 64), (0, 0, 0, 127)), SMALL)
        assert fitted.image.getpixel((0, 0)) == (128, 128, 128)

    def test_a_transparent_palette_entry_is_white(self) -> None:
        picture = Image.new("P", (64, 64), 1)
        picture.putpalette([0, 0, 0, 50, 50, 50])
        picture.putpixel((0, 0), 0)
        picture.info["transparency"] = 1
        image = fit_picture(picture, SMALL).image
        assert (image.getpixel((0, 0)), image.getpixel((1, 0))) == ((0, 0, 0), (255, 255, 255))

    def test_a_transparent_colour_is_white(self) -> None:
        picture = corner_picture()
        picture.info["transparency"] = (10, 20, 220)
        image = fit_picture(picture, SMALL).image
        assert (image.getpixel((0, 0)), image.getpixel((50, 50))) == ((255, 255, 255), (200, 30, 20))

    def test_opaque_alpha_is_dropped_pixel_for_pixel(self) -> None:
        picture = corner_picture()
        fitted = fit_picture(picture.convert("RGBA"), SMALL)
        assert fitted.image.tobytes() == picture.tobytes()
        assert fitted.changes == ["dropped an alpha channel that hides nothing"]


class TestAbsurdSizes:
    """Refused by what the picture would become, before any pixel is made."""

    def test_a_thin_picture(self) -> None:
        with pytest.raises(PictureError, match=r"1000x1 becomes 1024000x1024, more than 100,000,000 pixels"):
            fit_picture(Image.new("RGB", (1000, 1)), CLASSIC)

    def test_an_upright_picture_that_is_stored_sideways(self) -> None:
        """A picture stored on its side is judged as it is shown."""
        picture = Image.new("RGB", (1, 1000))
        picture.getexif()[0x0112] = 6
        with pytest.raises(PictureError, match="1000x1 becomes"):
            fit_picture(picture, CLASSIC)

    def test_a_header_without_pixels(self, tmp_path: Path) -> None:
        """The header alone is enough: there are no pixels in this file."""
        whole = save(tmp_path, Image.new("1", (1000, 1)), "thin.png").read_bytes()
        (tmp_path / "thin.png").write_bytes(whole[: whole.index(b"IDAT") - 4] + whole[-12:])
        with pytest.raises(PictureError, match="1000x1 becomes"):
            fit_file(tmp_path / "thin.png")
