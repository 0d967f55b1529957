"""Makes any picture a seed picture: opens it safely, converts it to opaque sRGB, and fits it to the contract."""

from .fit import FittedPicture, fit_file, fit_picture, rgb_file
from .opening import open_picture
from .sizes import AXES, FITS, Fit

__all__ = ["AXES", "FITS", "Fit", "FittedPicture", "fit_file", "fit_picture", "open_picture", "rgb_file"]
