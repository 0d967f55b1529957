"""The simulated model: drift measured on real models, and texture synthesis."""

from .tile_generator import DEFAULT_STRENGTH, MISBEHAVIOURS, MockTileGenerator

__all__ = ["DEFAULT_STRENGTH", "MISBEHAVIOURS", "MockTileGenerator"]
