"""The digest by which a rerun finds the answers of its request."""

from __future__ import annotations

from exquisite.pipeline.journal.requests import request_digest


def test_a_digest_depends_on_the_fields_but_not_on_their_order() -> None:
    request = {"mode": "x_ltr", "base": 3, "generator": {"name": "tiny", "seed": 1}}
    reverse = {"generator": {"seed": 1, "name": "tiny"}, "base": 3, "mode": "x_ltr"}
    assert request_digest(request) == request_digest(reverse)
    for change in ({"base": 4}, {"mode": "x_rtl"}, {"generator": {"name": "tiny", "seed": 2}}):
        assert request_digest(request | change) != request_digest(request)
