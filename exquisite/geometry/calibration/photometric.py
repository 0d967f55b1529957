"""The photometric correction of a tile: tone and sharpness, applied after the geometric correction."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from .sharpness import Kernel, sharpened
from .tone import ToneCurves, with_tone

__all__ = ["PhotometricCorrection"]


@dataclass(frozen=True)
class PhotometricCorrection:
    """Tone curves, a kernel, and curves that match the levels afterwards; the default is the identity."""

    tone: ToneCurves = ()
    kernel: Kernel = Kernel()  # noqa: RUF009 (frozen)
    levels: ToneCurves = ()

    def applied_to(self, image: Image.Image) -> Image.Image:
        """Apply the correction to `image` (RGB, any size); returns the picture itself for the identity."""
        if self.tone:
            image = with_tone(image, self.tone)
        if self.kernel != Kernel():
            image = sharpened(image, self.kernel)
        return with_tone(image, self.levels) if self.levels else image
