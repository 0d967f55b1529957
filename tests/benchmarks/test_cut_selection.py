"""The table of metrics counts wins, near wins and the mean error of the choices."""

from __future__ import annotations

import pytest

from tests.benchmarks.cut_selection import rows


def test_each_metric_is_compared_with_the_least_error() -> None:
    steps = [
        [{"psnr": 30.0, "right": 2, "wrong": 1}, {"psnr": 20.0, "right": 1, "wrong": 2}],
        [{"psnr": 30.0, "right": 1, "wrong": 2}, {"psnr": 30.4, "right": 2, "wrong": 1}],
    ]
    table = {name: figures for name, *figures in rows(steps)}
    assert table["right"] == pytest.approx([1, 1, 30.2])
    assert table["wrong"] == pytest.approx([0, 0.5, 25])
