"""One step: its inputs and options, its stages from an answer to the committed pixels, and its result.

    options, reference_pictures, inputs    what a step is made from
    stages, choice                         the candidates, and the choice among them
    derived, seam_files                    everything that a step writes, from its inputs and answers
    terms, result                          what `Session.step` takes besides, and what it returns
"""

from .inputs import StepInputs, TileEnd
from .options import StepOptions
from .result import ResultStatus, StepResult
from .stages import Candidate, ExaminedSeam, along_cut, commit_tile, examine_all, joined_along, seam_scores
from .terms import Progress, StepArguments, StepTerms

__all__ = [
    "Candidate",
    "ExaminedSeam",
    "Progress",
    "ResultStatus",
    "StepArguments",
    "StepInputs",
    "StepOptions",
    "StepResult",
    "StepTerms",
    "TileEnd",
    "along_cut",
    "commit_tile",
    "examine_all",
    "joined_along",
    "seam_scores",
]
