"""Answers that were paid: counted as they were billed, used as far as they go, and never bought again unasked."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from exquisite.api.answer import decode_tile
from exquisite.api.lossy import lossy_format
from exquisite.api.servers import OPENAI
from exquisite.errors import AnswerError, OutcomeUnknownError, PaymentError
from exquisite.pipeline.session import Session
from exquisite.pipeline.verify import verify_path
from tests.support.paid_sessions import PaidSession
from tests.support.tiny import TINY, seed_picture

pytestmark = pytest.mark.invariant("NEVER-TWICE")

USELESS = ("html_200", "empty_200", "accepted_202", "error_200", "cut_json:0", "no_data", "no_images", "huge:1")
SAYS_ITS_COST = ("no_images",)
CALLS = [{"calls": "batch"}, {"calls": "each", "concurrency": 1}, {"calls": "each"}]


class TestCost:
    @pytest.mark.parametrize("outcome", ["usage_missing", "usage_zero"])
    @pytest.mark.parametrize("calls", CALLS)
    def test_pictures_without_a_stated_cost_are_booked_by_the_estimate(
        self, tmp_path: Path, outcome: str, calls: dict[str, Any]
    ) -> None:
        paid = PaidSession(tmp_path / "s", *[outcome] * 3, **calls)
        assert paid.step().status == "committed"
        assert paid.ledger.spent == paid.ledger.estimated == paid.billed > 0
        assert paid.ledger.counted == paid.ledger.spent
        assert verify_path(tmp_path / "s").findings == ()

    def test_a_budget_counts_costs_that_a_server_does_not_state(self, tmp_path: Path) -> None:
        """A second step would fit into the budget if the first had cost nothing."""
        paid = PaidSession(tmp_path / "s", "usage_zero", "usage_zero")
        paid.step()
        budget = paid.agreed(3) + paid.billed / 2
        with pytest.raises(PaymentError, match="over the budget"):
            paid.step(budget=budget)
        assert paid.endpoint.arrivals == 1

    def test_the_header_of_a_proxy_states_the_cost(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "cost_header:0.0123")
        paid.step()
        assert (paid.ledger.spent, paid.ledger.estimated) == (Decimal("0.0123"), Decimal(0))


class TestWithoutAPicture:
    @pytest.mark.parametrize("outcome", USELESS)
    @pytest.mark.parametrize("calls", CALLS)
    def test_it_is_stored_and_named_and_bought_again_only_with_permission(
        self, tmp_path: Path, outcome: str, calls: dict[str, Any]
    ) -> None:
        paid = PaidSession(tmp_path / "s", *[outcome] * 3, **calls)
        requests = 0
        for _ in range(3):
            with pytest.raises(OutcomeUnknownError) as caught:
                paid.step()
            requests = requests or paid.endpoint.arrivals
            assert paid.endpoint.arrivals == requests
            for words in ("answers/000.body", "cost", "--retry-ambiguous"):
                assert words in str(caught.value)
        counted = paid.ledger.spent if outcome in SAYS_ITS_COST else paid.ledger.doubtful
        assert counted == paid.ledger.counted >= paid.billed > 0
        assert (paid.ledger.spent == paid.billed) is (outcome in SAYS_ITS_COST)
        paid.endpoint.restart()
        assert paid.step(retry_ambiguous=True).status == "committed"
        assert paid.ledger.spent - (counted if outcome in SAYS_ITS_COST else 0) == paid.billed
        assert verify_path(tmp_path / "s").findings == ()

    def test_whole_pictures_in_a_cut_body_are_used(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "cut_json:2")
        result = paid.step()
        assert (result.status, len(result.scores)) == ("committed", 2)
        assert paid.endpoint.arrivals == 1  # the cut answer may have cost the worst case, so no call is left to pay
        assert "going on with 2 of 3" in " ".join(paid.lines)

    def test_an_unrequested_event_stream_is_read(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "event_stream")
        assert len(paid.step().scores) == 3
        assert paid.ledger.spent == paid.billed


class TestAddresses:
    ELSEWHERE = "http://elsewhere.example:8123"

    def test_without_permission_a_picture_elsewhere_is_named_and_not_bought_again(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "url_elsewhere")
        for _ in range(2):
            with pytest.raises(OutcomeUnknownError, match=rf"{self.ELSEWHERE}.*--fetch-from elsewhere\.example"):
                paid.step()
        assert (paid.endpoint.arrivals, paid.endpoint.strays, paid.endpoint.downloads) == (1, [], [])

    def test_with_permission_it_is_fetched_without_the_key(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "url_elsewhere")
        with pytest.raises(OutcomeUnknownError):
            paid.step()
        server = replace(OPENAI, fetch_from=("elsewhere.example",), extra_headers={"x-secret": "sesame-sesame"})
        paid.options |= {"server": server, "allow_insecure_http": True}
        assert paid.step().status == "committed"
        assert paid.endpoint.arrivals == 1
        assert paid.endpoint.strays == [("GET", "elsewhere.example:8123", False)] * 3
        assert not any("x-secret" in headers for headers in paid.endpoint.stray_headers)
        assert paid.ledger.spent == paid.billed

    def test_every_name_of_this_machine_is_one_host(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "url")
        paid.options["base_url"] = paid.endpoint.base_url.replace("127.0.0.1", "localhost")
        assert paid.step().status == "committed"
        assert len(paid.endpoint.downloads) == 3


class TestCeiling:
    def test_a_server_that_gives_one_of_many_is_called_up_to_the_agreed_sum(self, tmp_path: Path) -> None:
        """It bills each call as if it had given everything."""
        paid = PaidSession(tmp_path / "s", *["stingy"] * 10)
        result = paid.step(candidates=10)
        agreed = paid.agreed(10)
        assert 0 < paid.billed <= agreed
        arrivals = paid.endpoint.arrivals
        assert len(result.scores) == arrivals < 10
        assert f"${agreed:.2f} that were agreed to; going on with {arrivals} of 10" in " ".join(paid.lines)

    def test_missing_tiles_are_bought_below_the_ceiling(self, tmp_path: Path) -> None:
        """Tiles so dear that the words beside them hardly count, as with pictures of the usual size."""
        paid = PaidSession(tmp_path / "s", "too_few:1", "ok", quality="max")
        assert len(paid.step().scores) == 3
        assert paid.endpoint.arrivals == 2
        assert paid.billed == paid.ledger.spent <= paid.agreed(3, "max")


def test_the_same_command_resumes_every_step(tmp_path: Path) -> None:
    """A call of unknown outcome beside answers: only what is missing is asked for, and only when told to."""
    paid = PaidSession(tmp_path / "s", "ok", "timeout", "ok", calls="each", concurrency=1)
    with pytest.raises(OutcomeUnknownError):
        paid.step()
    with pytest.raises(OutcomeUnknownError):
        paid.step()
    assert paid.endpoint.arrivals == 2
    assert paid.step(retry_ambiguous=True).status == "committed"
    assert paid.endpoint.arrivals == 4
    assert Session.open(tmp_path / "s").head == 1


class TestLossyFormats:
    @pytest.mark.parametrize(("outcome", "kind"), [("jpeg", "JPEG"), ("webp", "WEBP")])
    def test_a_tile_in_a_format_that_loses_detail_is_used_with_a_warning_and_a_mark(
        self, tmp_path: Path, outcome: str, kind: str
    ) -> None:
        paid = PaidSession(tmp_path / "s", outcome)
        result = paid.step(artifacts="full", calibrate=True)
        assert (result.status, None in result.scores) == ("committed", False)
        assert result.message.endswith(f"it came as {kind}, which loses detail")
        assert f"candidate 0 came as {kind}" in " ".join(paid.lines)
        record = json.loads((result.step_dir / "score.json").read_text())
        assert [candidate["lossy"] for candidate in record["candidates"]] == [kind] * 3
        assert [candidate["calibration"]["lossy"] for candidate in record["candidates"]] == [kind] * 3
        raw = (result.step_dir / f"candidates/0/tile_out_raw.{outcome}").read_bytes()
        assert lossy_format(raw) == kind
        assert verify_path(tmp_path / "s").findings == ()

    def test_lossless_webp_is_as_good_as_png(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "webp_lossless")
        result = paid.step(artifacts="full", calibrate=True)
        assert "came as" not in " ".join((result.message, *paid.lines))
        assert "lossy" not in (result.step_dir / "score.json").read_text()

    def test_the_setting_refuse_refuses_it_without_another_purchase(self, tmp_path: Path) -> None:
        paid = PaidSession(tmp_path / "s", "jpeg", server=replace(OPENAI, lossy="refuse"))
        for retry_ambiguous in (False, False, True):
            with pytest.raises(OutcomeUnknownError, match=r"candidate 0 came as JPEG.*nothing is bought again"):
                paid.step(retry_ambiguous=retry_ambiguous)
        paid.options["server"] = OPENAI
        assert paid.step().status == "committed"
        assert paid.endpoint.arrivals == 1

    def test_only_a_whole_picture_of_the_right_size_is_accepted(self) -> None:
        for name, options in (("JPEG", {}), ("WEBP", {}), ("WEBP", {"lossless": True})):
            whole = encode(seed_picture(), name, **options)
            assert decode_tile(whole, TINY).size == (32, 32)
            for bad in (
                whole[: len(whole) // 2],
                encode(seed_picture(40, 32), name, **options),
                encode(seed_picture().convert("L" if name == "JPEG" else "RGBA"), name, **options)[:-9],
            ):
                with pytest.raises(AnswerError):
                    decode_tile(bad, TINY)
        with pytest.raises(AnswerError, match="JPEG is L"):
            decode_tile(encode(seed_picture().convert("L"), "JPEG"), TINY)


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
