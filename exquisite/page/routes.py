"""The addresses of the page's server and what answers each. An address holds numbers and fixed words, never a path."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from .pictures import Selection
from .replies import Body, Query, RefusedError, Reply, json_reply
from .review import Review
from .tiles import LEVELS

__all__ = ["change", "show"]

_PNG, _JPEG, _SVG = "image/png", "image/jpeg", "image/svg+xml"


@dataclass(frozen=True)
class _Show:
    """An address that reads: its pattern and its handler."""

    pattern: re.Pattern[str]
    answer: Callable[[Review, re.Match[str], Query], Reply]


def show(review: Review, path: str, query: Query) -> Reply:
    """The answer to reading `path`, relative to the page.

    Raises:
        RefusedError: there is no such address (404), or a value in it is invalid (400).
        ExquisiteError: the session refused.
    """
    for route in _SHOWS:
        match = route.pattern.fullmatch(path)
        if match:
            return route.answer(review, match, query)
    raise RefusedError(404, "nothing is at this address")


def change(review: Review, path: str, body: Body) -> Reply:
    """Make the change at `path` and return the reply; raises as `show`."""
    run = _CHANGES.get(path)
    if run is None:
        raise RefusedError(404, "nothing is at this address")
    return json_reply(run(review, body))


def _step(review: Review, match: re.Match[str], query: Query) -> Reply:
    return json_reply(review.step(int(match[1]), query.text("branch")))


def _tile(review: Review, match: re.Match[str], _: Query) -> Reply:
    head, level, x, y = map(int, match.groups())
    if level >= LEVELS:
        raise RefusedError(404, f"there are {LEVELS} levels")
    tile = review.tiles.tile(head, level, x, y)
    return Reply(tile.data, _JPEG, 200 if tile.complete else 203, tile.complete)


def _in_place(review: Review, match: re.Match[str], query: Query) -> Reply:
    selection = Selection(int(match[1]), int(match[2]), match[3], query.whole("feather"))
    return Reply(review.pictures.png(selection), _PNG, forever=True)


def _whole_tile(review: Review, match: re.Match[str], _: Query) -> Reply:
    return Reply(review.pictures.stage_png(int(match[1]), int(match[2]), match[3]), _PNG, forever=True)


def _rows(review: Review, match: re.Match[str], query: Query) -> Reply:
    selection = Selection(int(match[1]), int(match[2]), query.text("treatment") or "enforced", query.whole("feather"))
    return json_reply(review.pictures.loupe_rows(selection))


def _drawing(review: Review, match: re.Match[str], _: Query) -> Reply:
    return Reply(review.drawing(int(match[1]), int(match[2]), match[3]).encode(), _SVG)


def _seams(review: Review, _: re.Match[str], query: Query) -> Reply:
    return json_reply(review.seams(query.must("head"), query.must("low"), query.must("high")))


def _tree(review: Review, _: re.Match[str], query: Query) -> Reply:
    return Reply(review.tree_svg(query.text("branch"), query.whole("current")).encode(), _SVG)


_NUMBER = r"(\d{1,12})"
_SIGNED = r"(-?\d{1,12})"
_SHOWS = [
    _Show(re.compile(pattern), answer)
    for pattern, answer in (
        (r"state\.json", lambda review, _, query: json_reply(review.state(query.text("branch")))),
        (rf"step/{_NUMBER}\.json", _step),
        (rf"step/{_NUMBER}/{_NUMBER}/([a-z]+)\.png", _in_place),
        (rf"step/{_NUMBER}/{_NUMBER}/rows\.json", _rows),
        (rf"step/{_NUMBER}/{_NUMBER}/tile/(raw|calibrated|enforced)\.png", _whole_tile),
        (rf"step/{_NUMBER}/{_NUMBER}/(tone|displacement)\.svg", _drawing),
        (rf"tile/{_NUMBER}/{_NUMBER}/{_SIGNED}/{_SIGNED}\.jpg", _tile),
        (r"seams\.json", _seams),
        (r"tree\.svg", _tree),
        (r"drift\.json", lambda review, _, query: json_reply(review.drift(query.must("head")))),
        (r"labels\.json", lambda review, _, __: json_reply(review.labels.summary().as_dict())),
        (
            r"trial/([0-9a-f]{16})/(\d)\.png",
            lambda review, match, _: Reply(review.trials.picture(match[1], int(match[2])), _PNG),
        ),
    )
]


def _compare(review: Review, body: Body) -> object:
    pair = (body.name("first"), body.name("second"))
    return review.compare(body.name("branch"), (pair[0], pair[1]) if pair[0] and pair[1] else None)


_CHANGES: dict[str, Callable[[Review, Body], object]] = {
    "accept": lambda review, body: review.accept(
        body.name("branch"), body.whole("head"), body.whole("step"), body.maybe("candidate"), body.options()
    ),
    "rescore": lambda review, body: review.rescore(body.name("branch"), body.whole("step"), body.options()),
    "reject": lambda review, body: review.reject(body.whole("step"), body.whole("candidate"), body.text("reason")),
    "undo": lambda review, body: review.undo(body.name("branch"), body.whole("head")),
    "branch": lambda review, body: review.branch(body.name("branch"), body.text("name"), body.maybe("at")),
    "quote": lambda review, body: review.jobs.quote(
        body.name("branch"), body.text("mode"), body.text("words"), body.options()
    ),
    "run": lambda review, body: review.jobs.run(body.text("quote"), body.name("pay_usd")),
    "find": lambda review, body: review.find(body.name("branch"), body.name("treatment") or "enforced"),
    "compare": _compare,
    "answer": lambda review, body: review.trials.answer(body.text("trial"), body["value"]),
}
