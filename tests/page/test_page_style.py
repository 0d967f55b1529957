"""The page is readable: its text has contrast to its background, in light and dark mode."""

from __future__ import annotations

import re

import pytest

from exquisite.page.server import page_html

LEAST_CONTRAST = 4.5
"""Of normal text: WCAG 2.2, success criterion 1.4.3."""

PAIRS = [(ink, ground) for ink in ("ink", "soft", "accent", "good", "near", "bad") for ground in ("ground", "sheet")]
PAIRS += [("on-accent", "accent"), ("ground", "ink"), ("ink", "hover")]


def colours() -> dict[str, dict[str, str]]:
    """Scheme -> the colours of its variables."""
    text = page_html()[0].decode()
    parts = re.findall(r":root \{(.*?)\}", text, flags=re.DOTALL)[:2]
    variable = re.compile(r"--([a-z-]+): (#[0-9a-f]+)")
    return {name: dict(variable.findall(part)) for name, part in zip(("light", "dark"), parts, strict=True)}


def luminance(colour: str) -> float:
    """Relative luminance of #rgb or #rrggbb (WCAG 2.2)."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    levels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [level / 12.92 if level <= 0.04045 else ((level + 0.055) / 1.055) ** 2.4 for level in levels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out(scheme: str, ink: str, ground: str) -> None:
    values = colours()[scheme]
    low, high = sorted((luminance(values[ink]), luminance(values[ground])))
    assert (high + 0.05) / (low + 0.05) >= LEAST_CONTRAST


def test_every_control_in_the_page_has_a_name() -> None:
    """Those that scripts make are checked in a real browser, by `make test-page`."""
    text = page_html()[0].decode().partition("<script>")[0]
    for tag in re.findall(r"<(?:input|select|textarea)\b[^>]*>", text):
        inside_label = rf"<label[^>]*>[^<]*(<span[^>]*>[^<]*</span> )?{re.escape(tag)}"
        assert "aria-label" in tag or re.search(inside_label, text), tag
    for attributes, content in re.findall(r"<button\b([^>]*)>(.*?)</button>", text):
        words = re.sub(r"<kbd>.*?</kbd>|<[^>]+>", "", content)
        assert "aria-label" in attributes or re.search(r"[A-Za-z]{2}", words), content


def test_script_and_style_are_those_that_the_policy_allows() -> None:
    page, policy = page_html()
    assert policy.count("sha256-") == page.count(b"<script>") + page.count(b"<style>") == 2
