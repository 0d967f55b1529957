"""Arms that soften their seams: each cuts the pending zone of its own branch, and the zone before all arms stays."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from PIL import ImageChops

from exquisite import Session, StepOptions
from exquisite.pipeline.experiment import Experiment
from exquisite.pipeline.experiment.plan import Arm
from tests.support.generators import Truth
from tests.support.pictures import draw
from tests.support.tiny import TINY, pixels_of

PICTURE = draw("foliage", (96, 96), 3)
ORIGIN = (32, 32)
SOFT = StepOptions(candidates=1, calibrate=False, gate=None, artifacts="none", soften_px=3)
ARMS = [
    Arm("hard", replace(SOFT, soften_px=0)),
    Arm("soft", SOFT),
    Arm("mask", replace(SOFT, soft_mask=True)),
]


def lower_model() -> Truth:
    """A redraw a row too low, so that a cut changes what was pending."""
    return Truth(PICTURE, ORIGIN, lambda tile, _number: ImageChops.offset(tile, 0, 1))


def softened(root: Path) -> Session:
    """A session with a pending zone of 3 px at its right end."""
    session = Session.create(root, PICTURE.crop((32, 32, 64, 64)), TINY)
    session.step("x_ltr", Truth(PICTURE, ORIGIN), **SOFT.as_dict())
    return session


def test_every_arm_cuts_the_common_pending_zone(tmp_path: Path) -> None:
    session = softened(tmp_path / "s")
    before = pixels_of(session.root)
    experiment = Experiment.begin(session.root, "soft", "x_ltr", ARMS, repeat=1, steps=2)
    list(experiment.run(lambda _arm, _repetition: lower_model()))
    assert pixels_of(session.root) == before
    for arm in ARMS:
        branch = session.on_branch(f"exp-soft-{arm.name}")
        assert branch.canvas_size == (32 + 3 * 8, 32)
        assert branch.status().pending_px == {"low": 0, "high": arm.options.soften_px}
    assert session.verify().ok


def test_an_arm_with_a_soft_mask_has_its_own_request(tmp_path: Path) -> None:
    session = softened(tmp_path / "s")
    experiment = Experiment.begin(session.root, "mask", "x_ltr", ARMS, repeat=1, steps=1)
    hard, soft, mask = experiment.run(lambda _arm, _repetition: lower_model())
    assert hard.request == soft.request
    assert mask.request != soft.request
