"""A plan for many steps: read from a file, validated as a whole, and continued from the end of the canvas."""

from .document import PlanLine, ScrollPlan, StopRules, read_plan
from .run import PlannedStep, remaining_steps, run_plan, stop_reason

__all__ = [
    "PlanLine",
    "PlannedStep",
    "ScrollPlan",
    "StopRules",
    "read_plan",
    "remaining_steps",
    "run_plan",
    "stop_reason",
]
