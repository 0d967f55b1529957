"""Compares options and models on one frontier, call for call."""

from .run import Experiment, MakeGenerator

__all__ = ["Experiment", "MakeGenerator"]
