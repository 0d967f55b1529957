"""The photometric correction: tone curves, then the kernel, then the curves that match the levels."""

from __future__ import annotations

from exquisite.geometry.calibration.photometric import PhotometricCorrection
from exquisite.geometry.calibration.sharpness import Kernel, sharpened
from exquisite.geometry.calibration.tone import ToneCurves, with_tone
from tests.support.pictures import constant, draw

PICTURE = draw("ink", (48, 48), 3)
KERNEL = Kernel(0.5, 0.25)


def offset(levels: int) -> ToneCurves:
    return (tuple(float(level + levels) for level in range(256)),) * 3


def test_without_a_correction_the_picture_itself_is_returned() -> None:
    assert PhotometricCorrection().applied_to(PICTURE) is PICTURE


def test_each_part_is_applied_by_itself() -> None:
    grey = constant((4, 4), (100,) * 3)
    assert PhotometricCorrection(tone=offset(-9)).applied_to(grey).getpixel((0, 0)) == (91,) * 3
    assert PhotometricCorrection(levels=offset(7)).applied_to(grey).getpixel((0, 0)) == (107,) * 3
    assert PhotometricCorrection(kernel=KERNEL).applied_to(PICTURE).tobytes() == sharpened(PICTURE, KERNEL).tobytes()


def test_the_kernel_comes_between_the_curves() -> None:
    whole = PhotometricCorrection(offset(40), KERNEL, offset(-40)).applied_to(PICTURE)
    expected = with_tone(sharpened(with_tone(PICTURE, offset(40)), KERNEL), offset(-40))
    assert whole.tobytes() == expected.tobytes()
    assert whole.tobytes() != sharpened(PICTURE, KERNEL).tobytes()  # light levels clip on the way
