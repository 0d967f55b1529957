"""Blind tests send the page no truth, and store it in the labels."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image

from exquisite.errors import UsageError
from exquisite.page.pictures import Selection, StepPictures
from exquisite.page.trials import Trials
from exquisite.pipeline.session import Session


def trials(session: Session, seed: int = 1) -> Trials:
    return Trials(StepPictures(session.root), session.labels(), random.Random(seed))


def picture_of(questions: Trials, question: dict[str, Any], index: int = 0) -> Image.Image:
    """A picture of a question."""
    with Image.open(io.BytesIO(questions.picture(question["trial"], index))) as image:
        image.load()
        return image.copy()


class TestFind:
    @pytest.mark.parametrize("step", [1, 2], ids=["x_ltr", "x_rtl"])
    def test_the_seam_lies_where_the_label_says(self, session: Session, step: int) -> None:
        """A search in the whole picture finds the part of the question, and its seam is that of the frame."""
        pictures = StepPictures(session.root)
        selection = Selection(step, 0, "enforced")
        picture, frame = pictures.in_place(selection), pictures.frame(step)
        questions = trials(session)
        seams = set()
        for _ in range(30):
            question = questions.find(selection)
            part = picture_of(questions, question)
            label = questions.answer(question["trial"], None)
            places = [
                x
                for x in range(picture.width - part.width + 1)
                for y in range(picture.height - part.height + 1)
                if picture.crop((x, y, x + part.width, y + part.height)).tobytes() == part.tobytes()
            ]
            assert places
            assert label["window_px"] == part.width
            if label["seam_px"] is None:
                assert all(not x < frame.seam < x + part.width for x in places)
            else:
                assert frame.seam - label["seam_px"] in places
            seams.add(label["seam_px"])
        assert None in seams
        assert len(seams) > 2

    def test_a_click_near_the_seam_is_right_and_one_far_off_is_not(self, session: Session) -> None:
        questions = trials(session)
        counts = {True: 0, False: 0}
        for number in range(40):
            question = questions.find(Selection(1, 0, "enforced"))
            label = questions.answer(question["trial"], (number % 5) / 4)
            if label["seam_px"] is None:
                assert not label["hit"]
            else:
                assert label["hit"] == (abs(label["click_px"] - label["seam_px"]) <= 1)
                counts[label["hit"]] += 1
        assert min(counts.values()) > 0
        assert len(session.labels().read()) == 40

    def test_the_answer_none_is_right_without_a_seam(self, session: Session) -> None:
        questions = trials(session)
        for _ in range(20):
            label = questions.answer(questions.find(Selection(1, 0, "enforced"))["trial"], None)
            assert label["hit"] == (label["seam_px"] is None)

    @pytest.mark.parametrize(("chance", "has_seam"), [(0.249, False), (0.251, True)])
    def test_a_quarter_of_the_strips_has_no_seam(self, session: Session, chance: float, has_seam: bool) -> None:
        class Drawing(random.Random):
            def random(self) -> float:
                return chance

        questions = trials(session)
        questions.chance = Drawing()
        label = questions.answer(questions.find(Selection(1, 0, "enforced"))["trial"], None)
        assert (label["seam_px"] is not None) == has_seam

    @pytest.mark.parametrize("value", ["left", -0.1, 1.1, True, [0.5]])
    def test_an_invalid_place_is_refused_and_the_question_stays_open(self, session: Session, value: Any) -> None:
        questions = trials(session)
        question = questions.find(Selection(1, 0, "enforced"))
        with pytest.raises(UsageError, match="not a place"):
            questions.answer(question["trial"], value)
        assert questions.answer(question["trial"], 0.5)["kind"] == "find"


class TestCompare:
    def test_both_are_shown_at_the_same_place_in_either_order(self, session: Session) -> None:
        questions = trials(session)
        orders = set()
        for _ in range(12):
            question = questions.compare(Selection(3, 0, "enforced"), Selection(3, 2, "enforced"))
            one, two = (picture_of(questions, question, index) for index in (0, 1))
            assert one.size == two.size
            old = (0, 0, one.width // 2, one.height)  # the old canvas, which both share
            assert one.crop(old).tobytes() == two.crop(old).tobytes()
            assert one.tobytes() != two.tobytes()
            label = questions.answer(question["trial"], "same")
            orders.add((label["a"]["candidate"], label["b"]["candidate"]))
        assert orders == {(0, 2), (2, 0)}

    def test_the_label_holds_the_metrics_of_both(self, session: Session) -> None:
        questions = trials(session)
        pictures = StepPictures(session.root)
        question = questions.compare(Selection(3, 0, "enforced"), Selection(3, 2, "enforced"))
        label = questions.answer(question["trial"], "a")
        scores = [pictures.score(Selection(3, label[name]["candidate"], "enforced")) for name in ("a", "b")]
        assert label["metrics"]["seam"] == [score.metrics["seam"] for score in scores]
        assert label["metrics"]["primary"] == [score.primary for score in scores]

    def test_a_picture_is_not_compared_with_itself(self, session: Session) -> None:
        with pytest.raises(UsageError, match="two different"):
            trials(session).compare(Selection(3, 0, "raw"), Selection(3, 0, "raw"))


def test_the_oldest_questions_close_beyond_a_limit(session: Session) -> None:
    questions = trials(session)
    first = questions.find(Selection(1, 0, "enforced"))
    for _ in range(40):
        questions.find(Selection(1, 0, "enforced"))
    with pytest.raises(UsageError, match="not open"):
        questions.picture(first["trial"], 0)
