"""Simulates the drift of an image model: it redraws pixels that it should keep, with small changes."""

from .parameters import Drift
from .profiles import PROFILE_DEFAULT, PROFILES, random_drift
from .redraw import redraw

__all__ = ["PROFILES", "PROFILE_DEFAULT", "Drift", "random_drift", "redraw"]
