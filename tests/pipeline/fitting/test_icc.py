"""A profile is judged by its effect on colours, never by its name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PIL import Image, ImageCms

from exquisite.pipeline.fitting.encoding import SRGB_PRIMARIES, Primaries
from exquisite.pipeline.fitting.icc import convert_to_srgb, profile_of_primaries
from tests.support.colour_reference import ADOBE, P3, SRGB, Space, icc_profile

BLUE = (64, 0, 128)
LINEAR = replace(SRGB, curve=lambda value: value)


def picture(colour: tuple[int, int, int] = BLUE) -> Image.Image:
    return Image.new("RGB", (4, 4), colour)


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "Camera RGB", ""])
def test_the_curve_and_primaries_of_srgb_are_srgb_whatever_the_name(name: str) -> None:
    assert convert_to_srgb(picture(), icc_profile(SRGB, None, name)) is None


@pytest.mark.parametrize(
    ("space", "gamma"), [(LINEAR, 1.0), (ADOBE, 2.19921875), (P3, None), (replace(SRGB, curve=lambda v: v**1.8), 1.8)]
)
def test_another_curve_or_other_primaries_are_converted_whatever_the_name(space: Space, gamma: float | None) -> None:
    converted = convert_to_srgb(picture(), icc_profile(space, gamma, "sRGB IEC61966-2.1"))
    assert converted is not None
    right = [round(255 * value) for value in space.to_srgb([value / 255 for value in BLUE])]
    assert converted[1] == "sRGB IEC61966-2.1"
    assert all(abs(a - b) <= 1 for a, b in zip(converted[0].getpixel((0, 0)), right, strict=True))  # type: ignore[arg-type]


def test_a_curve_that_is_one_level_off_still_counts_as_srgb() -> None:
    """Tables of few entries and rounded constants differ by less; two levels differ for the eye."""

    def with_curve(by: float) -> Space:
        return replace(SRGB, curve=lambda value: SRGB.curve(value + by * value * (1 - value)))

    assert convert_to_srgb(picture(), icc_profile(with_curve(0.004), None, "near")) is None
    assert convert_to_srgb(picture(), icc_profile(with_curve(0.03), None, "far")) is not None


def test_a_profile_without_a_name_is_used() -> None:
    nameless = icc_profile(LINEAR, 1.0, "linear").replace(b"desc", b"none", 1)
    converted = convert_to_srgb(picture((128, 128, 128)), nameless)
    assert converted is not None
    assert (converted[0].getpixel((0, 0)), converted[1]) == ((188, 188, 188), "without a name")


def test_grey_with_a_profile_of_rgb_is_converted_as_its_grey() -> None:
    converted = convert_to_srgb(Image.new("L", (4, 4), 128), icc_profile(LINEAR, 1.0, "linear"))
    assert converted is not None
    assert converted[0].getpixel((0, 0)) == (188, 188, 188)


def test_colour_with_a_profile_of_something_else_is_an_error() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    with pytest.raises(ImageCms.PyCMSError):
        convert_to_srgb(picture(), lab)


def test_a_profile_is_built_from_primaries() -> None:
    """That of sRGB changes nothing; that of Display P3 does what its definition says."""
    assert convert_to_srgb(picture(), profile_of_primaries(SRGB_PRIMARIES)) is None
    red, green, blue, white = P3.points
    converted = convert_to_srgb(picture(), profile_of_primaries(Primaries(white, red, green, blue)))
    right = [round(255 * value) for value in P3.to_srgb([value / 255 for value in BLUE])]
    assert converted is not None
    assert all(abs(a - b) <= 1 for a, b in zip(converted[0].getpixel((0, 0)), right, strict=True))  # type: ignore[arg-type]
