"""What an image model does to pixels that it should have kept: it redraws them, a little off."""

from .parameters import Drift
from .profiles import PROFILE_DEFAULT, PROFILES, random_drift
from .redraw import redraw

__all__ = ["PROFILES", "PROFILE_DEFAULT", "Drift", "random_drift", "redraw"]
