"""Outpainting: extends a picture step by step, in four directions, through an image-editing model.

    session = Session.create("my-session", canvas)          # an RGB picture, one tile across
    result = session.step("x_ltr", MockTileGenerator())

This module lists every public name and imports each on its first use, so that importing the package is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from ._version import __version__

if TYPE_CHECKING:
    from .api.generator import CallLog as CallLog
    from .api.generator import RawCandidate as RawCandidate
    from .api.generator import TileGenerator as TileGenerator
    from .api.generator import TileRequest as TileRequest
    from .api.mock import MockTileGenerator as MockTileGenerator
    from .api.openai_client import OpenAITileGeneratorClient as OpenAITileGeneratorClient
    from .contract import CLASSIC as CLASSIC
    from .contract import LONG as LONG
    from .contract import TALL as TALL
    from .contract import WIDE as WIDE
    from .contract import Frame as Frame
    from .contract import Mode as Mode
    from .contract import TileContract as TileContract
    from .errors import AnswerError as AnswerError
    from .errors import AnswerNotStoredError as AnswerNotStoredError
    from .errors import CanvasError as CanvasError
    from .errors import ContractError as ContractError
    from .errors import ExquisiteError as ExquisiteError
    from .errors import OutcomeUnknownError as OutcomeUnknownError
    from .errors import PaymentError as PaymentError
    from .errors import PictureError as PictureError
    from .errors import RejectedByServerError as RejectedByServerError
    from .errors import ReplayError as ReplayError
    from .errors import ServerError as ServerError
    from .errors import ServerUnavailableError as ServerUnavailableError
    from .errors import SessionDamagedError as SessionDamagedError
    from .errors import SessionError as SessionError
    from .errors import SessionExistsError as SessionExistsError
    from .errors import SessionLockedError as SessionLockedError
    from .errors import SessionNotFoundError as SessionNotFoundError
    from .errors import StorageError as StorageError
    from .errors import UsageError as UsageError
    from .geometry.calibration import Calibration as Calibration
    from .geometry.calibration import calibrate_tile as calibrate_tile
    from .geometry.enforcement import enforce_conditioning_half as enforce_conditioning_half
    from .geometry.feather import feather_tile as feather_tile
    from .geometry.overlap_score import TileScore as TileScore
    from .geometry.overlap_score import extract_scoring_strips as extract_scoring_strips
    from .geometry.overlap_score import score_strips as score_strips
    from .geometry.overlap_score import score_tile as score_tile
    from .geometry.overlap_score import score_tile_sobel_corr as score_tile_sobel_corr
    from .geometry.reference_tile import build_reference_tile_and_mask as build_reference_tile_and_mask
    from .geometry.tile_mode import extract_conditioning_band as extract_conditioning_band
    from .geometry.tile_mode import glue as glue
    from .geometry.tile_mode import split_tile as split_tile
    from .pipeline.execute import execute_step_mock as execute_step_mock
    from .pipeline.execute import execute_step_real as execute_step_real
    from .pipeline.fitting import FittedPicture as FittedPicture
    from .pipeline.fitting import fit_picture as fit_picture
    from .pipeline.fitting import open_picture as open_picture
    from .pipeline.session import Session as Session
    from .pipeline.step import StepOptions as StepOptions
    from .pipeline.step import StepResult as StepResult

_HOMES = {
    "CLASSIC": "contract",
    "LONG": "contract",
    "TALL": "contract",
    "WIDE": "contract",
    "AnswerError": "errors",
    "AnswerNotStoredError": "errors",
    "Calibration": "geometry.calibration",
    "CallLog": "api.generator",
    "CanvasError": "errors",
    "ContractError": "errors",
    "ExquisiteError": "errors",
    "FittedPicture": "pipeline.fitting",
    "Frame": "contract",
    "MockTileGenerator": "api.mock",
    "Mode": "contract",
    "OpenAITileGeneratorClient": "api.openai_client",
    "OutcomeUnknownError": "errors",
    "PaymentError": "errors",
    "PictureError": "errors",
    "RawCandidate": "api.generator",
    "RejectedByServerError": "errors",
    "ReplayError": "errors",
    "ServerError": "errors",
    "ServerUnavailableError": "errors",
    "Session": "pipeline.session",
    "SessionDamagedError": "errors",
    "SessionError": "errors",
    "SessionExistsError": "errors",
    "SessionLockedError": "errors",
    "SessionNotFoundError": "errors",
    "StepOptions": "pipeline.step",
    "StepResult": "pipeline.step",
    "StorageError": "errors",
    "TileContract": "contract",
    "TileGenerator": "api.generator",
    "TileRequest": "api.generator",
    "TileScore": "geometry.overlap_score",
    "UsageError": "errors",
    "build_reference_tile_and_mask": "geometry.reference_tile",
    "calibrate_tile": "geometry.calibration",
    "enforce_conditioning_half": "geometry.enforcement",
    "execute_step_mock": "pipeline.execute",
    "execute_step_real": "pipeline.execute",
    "extract_conditioning_band": "geometry.tile_mode",
    "extract_scoring_strips": "geometry.overlap_score",
    "feather_tile": "geometry.feather",
    "fit_picture": "pipeline.fitting",
    "glue": "geometry.tile_mode",
    "open_picture": "pipeline.fitting",
    "score_strips": "geometry.overlap_score",
    "score_tile": "geometry.overlap_score",
    "score_tile_sobel_corr": "geometry.overlap_score",
    "split_tile": "geometry.tile_mode",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{home}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
