"""The wait before a retry: the delay that the server requests, or a backoff of the client."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from functools import partial
from itertools import pairwise

import pytest

from exquisite.api.retry import RetryPolicy, wait_asked

NOW = datetime(2026, 11, 18, 10, 26, 40, tzinfo=UTC).timestamp()


class TestRequestedWait:
    @pytest.mark.parametrize(
        ("headers", "message", "seconds"),
        [
            ({}, "", None),
            ({"retry-after-ms": "1500"}, "", 1.5),
            ({"retry-after": "12"}, "", 12.0),
            ({"retry-after": "0.25"}, "", 0.25),
            ({"retry-after": "-5"}, "", 0.0),
            ({"retry-after-ms": "20", "retry-after": "12"}, "try again in 5s", 0.02),
            ({"retry-after": "Wed, 18 Nov 2026 10:27:10 GMT"}, "", 30.0),
            ({"retry-after": "Wed, 18 Nov 2026 10:27:10 GMT", "date": "Wed, 18 Nov 2026 10:27:05 GMT"}, "", 5.0),
            ({"retry-after": "Wed, 18 Nov 2020 10:27:10 GMT"}, "", 0.0),
            ({"retry-after": "Wed, 18 Nov 2026 10:27:10"}, "", 30.0),
            ({"retry-after": "nan"}, "", None),
            ({"retry-after": "inf"}, "", None),
            ({"retry-after": "soon"}, "Please try again in 12s.", 12.0),
            ({"retry-after": "Wed, 99 Nov 2026 10:27:10 GMT"}, "", None),
            ({}, "Rate limit reached. Please try again in 12s. Visit the limits page.", 12.0),
            ({}, "Please try again in 1m12s", 72.0),
            ({}, "Please try again in 1h0m0.5s", 3600.5),
            ({}, "please retry after 350ms", 0.35),
            ({}, "Try again in 20 minutes", 1200.0),
            ({}, "Try again in 2 minutes, 3 seconds", 123.0),
            ({}, "Limit 5 input-images per min; try again in 6 sec", 6.0),
            ({}, "in 3 images per min", None),
            ({}, "within 12s", None),
        ],
    )
    def test_the_wait_is_read_from_every_header_and_message(
        self, headers: dict[str, str], message: str, seconds: float | None
    ) -> None:
        assert wait_asked(headers, message, NOW) == (seconds if seconds is None else pytest.approx(seconds))


    def test_a_date_without_a_zone_is_utc(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            assert wait_asked({"retry-after": "Wed, 18 Nov 2026 10:27:10"}, "", NOW) == 30.0
        time.tzset()


class TestPolicy:
    def test_the_client_waits_at_least_as_long_as_requested(self) -> None:
        policy = RetryPolicy()
        for luck in (0.0, 0.5, 1.0):
            wait = policy.wait(0, 12.0, True, partial(float, luck))
            assert wait == pytest.approx(12.0 * (1 + policy.jitter * luck))

    def test_too_long_a_requested_wait_ends_the_retries(self) -> None:
        policy = RetryPolicy()
        assert policy.wait(0, policy.asked_max_s, True, lambda: 0.0) == policy.asked_max_s
        assert policy.wait(0, policy.asked_max_s + 1, True, lambda: 0.0) is None

    @pytest.mark.parametrize("busy", [False, True])
    def test_waits_of_the_client_double_up_to_a_limit(self, busy: bool) -> None:
        policy = RetryPolicy(retries=100)
        waits = [policy.wait(attempt, None, busy, lambda: 0.0) or 0.0 for attempt in range(99)]
        assert waits[0] == (policy.busy_first_s if busy else policy.first_s)
        assert all(later == min(2 * sooner, policy.longest_s) for sooner, later in pairwise(waits))
        assert waits[-1] == policy.longest_s

    def test_jitter_only_shortens_waits_of_the_client(self) -> None:
        policy = RetryPolicy()
        waits = [policy.wait(2, None, True, partial(float, luck)) for luck in (0.0, 0.5, 1.0)]
        assert waits == [32.0, 28.0, 24.0]

    def test_the_number_of_attempts_is_bounded(self) -> None:
        policy = RetryPolicy(retries=2)
        assert [policy.wait(attempt, 0.0, True, lambda: 0.0) for attempt in range(4)] == [0.0, 0.0, None, None]
