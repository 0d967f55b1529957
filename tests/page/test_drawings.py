"""Drawings are valid SVG, describe themselves in words, and place marks correctly."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from exquisite.page.drawings import TreeNode, _layout, displacement, drift_chart, tone_curve, tree

SVG = "{http://www.w3.org/2000/svg}"


def parse(text: str) -> ElementTree.Element:
    """A drawing, with a title, a description and no style of its own."""
    drawing = ElementTree.fromstring(text)
    assert drawing.find(f"{SVG}title") is not None
    assert drawing.attrib["aria-label"]
    assert "style=" not in text
    assert "<script" not in text
    return drawing


def test_a_tone_that_changes_nothing_lies_on_the_diagonal() -> None:
    drawing = parse(tone_curve([(32.0, 128.0, 224.0)] * 3))
    lines = [line.attrib["points"] for line in drawing.iter(f"{SVG}polyline")]
    assert len(lines) == 4
    for points in lines:
        for point in points.split():
            x, y = map(float, point.split(","))
            assert x + y == pytest.approx(140, abs=0.11)


def test_channels_differ_by_more_than_colour() -> None:
    drawing = parse(tone_curve([(30.0, 120.0, 220.0)] * 3))
    dashes = [line.attrib.get("stroke-dasharray") for line in drawing.iter(f"{SVG}polyline")][1:]
    assert len(set(dashes)) == 3


def test_a_shift_turns_all_arrows_one_way_and_is_described() -> None:
    drawing = parse(displacement((3.0, 0.0), (1.0, 1.0)))
    arrows = [line.attrib for line in drawing.iter(f"{SVG}line")][1:]
    assert len(arrows) == 25
    for arrow in arrows:
        assert float(arrow["x2"]) - float(arrow["x1"]) == pytest.approx(16, abs=0.11)
        assert float(arrow["y2"]) == float(arrow["y1"])
    assert "+3.00 px along" in drawing.attrib["aria-label"]


def test_an_invisible_shift_has_short_arrows() -> None:
    drawing = parse(displacement((0.03, 0.0), (1.0, 1.0)))
    lengths = [float(line.attrib["x2"]) - float(line.attrib["x1"]) for line in drawing.iter(f"{SVG}line")][1:]
    assert max(lengths) < 0.4


def test_without_drift_the_arrows_have_no_length() -> None:
    drawing = parse(displacement((0.0, 0.0), (1.0, 1.0)))
    for arrow in [line.attrib for line in drawing.iter(f"{SVG}line")][1:]:
        assert (arrow["x1"], arrow["y1"]) == (arrow["x2"], arrow["y2"])


def test_the_drift_chart_has_a_line_and_a_name_for_each_measure() -> None:
    drawing = parse(drift_chart([3, 5, 9], {"sharp<ness": [0.0, 0.1, 0.2], "colour": [0.0, -0.4, 0.2]}))
    assert len(list(drawing.iter(f"{SVG}polyline"))) == 2
    labels = [text.text for text in drawing.iter(f"{SVG}text")]
    assert {"sharp<ness", "colour", "step 3", "step 9", "0%", "+40%", "-40%"} <= set(labels)
    heights = [float(text.attrib["y"]) for text in drawing.iter(f"{SVG}text") if text.text in ("sharp<ness", "colour")]
    assert abs(heights[0] - heights[1]) >= 14  # names do not lie on each other


def test_an_empty_chart_describes_itself_as_empty() -> None:
    assert "no step" in parse(drift_chart([], {"colour": []})).attrib["aria-label"]
    assert "no tone" in parse(tone_curve([])).attrib["aria-label"]


class TestTree:
    NODES = (
        TreeNode(0, None, "committed"),
        TreeNode(1, 0, "committed"),
        TreeNode(2, 1, "rejected"),
        TreeNode(3, 1, "committed", ("main",), True),
        TreeNode(4, 1, "committed", ("ni<ght",)),
    )

    def test_every_step_is_a_link_with_a_name(self) -> None:
        drawing = parse(tree(self.NODES, 3))
        links = {link.attrib["href"]: link.attrib["aria-label"] for link in drawing.iter(f"{SVG}a")}
        assert set(links) == {f"#/step/{number}" for number in range(5)}
        assert links["#/step/3"] == "step 3, committed, chosen by a person, head of main"
        assert links["#/step/2"] == "step 2, rejected"
        assert links["#/step/0"] == "seed picture"

    def test_no_two_steps_lie_on_each_other_and_the_first_child_goes_straight_on(self) -> None:
        lanes, depths = _layout(self.NODES)
        assert len({(lanes[step], depths[step]) for step in range(5)}) == 5
        assert lanes[0] == lanes[1] == lanes[3] == 0
        assert depths == {0: 0, 1: 1, 2: 2, 3: 2, 4: 2}

    def test_a_step_whose_parent_is_not_shown_begins_a_line(self) -> None:
        parse(tree([TreeNode(7, 6, "committed"), TreeNode(8, 7, "committed", ("main",))]))
