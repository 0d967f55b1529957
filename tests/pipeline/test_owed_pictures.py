"""An answer that names its pictures by address: paid once, and fetched whenever the addresses still lead somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from exquisite.api.generator import CallLog, RawCandidate, TileRequest
from exquisite.api.openai_client import OpenAITileGeneratorClient
from exquisite.api.retry import RetryPolicy
from exquisite.cli.consent import AdvanceConsent, GeneratorWithConsent
from exquisite.errors import OutcomeUnknownError
from exquisite.files import Files
from exquisite.pipeline.session import Session
from exquisite.pipeline.step import StepResult
from exquisite.pipeline.verify import verify_path
from tests.support.faulty_files import Fault, FaultyFiles, QuickFiles
from tests.support.tiny import PRICE, grow, make_session, pixels_of, png, seed_picture

pytestmark = pytest.mark.invariant("NEVER-TWICE")

HERE = "http://127.0.0.1:8123/v1"
GONE = httpx.Response(404, text="expired")
PAGE = httpx.Response(200, text="<html>this address has expired</html>")


class Shop:
    """A server whose answers hold addresses; `broken` says what comes in place of a picture, by its number."""

    def __init__(self, broken: Mapping[int, httpx.Response | BaseException] | None = None) -> None:
        self.broken = dict(broken or {})
        self.sold: list[int] = []
        self.fetched: list[int] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            first, count = sum(self.sold), int(request.content.partition(b'name="n"\r\n\r\n')[2].partition(b"\r")[0])
            self.sold.append(count)
            entries = [{"url": f"/files/{first + number}.png?token=sesame"} for number in range(count)]
            return httpx.Response(200, json={"created": 1, "data": entries})
        number = int(Path(request.url.path).stem)
        self.fetched.append(number)
        reply = self.broken.get(number)
        if isinstance(reply, BaseException):
            raise reply
        return reply or httpx.Response(200, content=png(seed_picture(32, 32).rotate(90 * number)))


def buy(root: Path, shop: Shop, files: Files | None = None, **options: Any) -> StepResult:
    """One step of three tiles, in one call."""
    transport = httpx.MockTransport(shop)
    client = OpenAITileGeneratorClient(
        "some-key-or-other", base_url=HERE, transport=transport, environ={}, retry=RetryPolicy(retries=0)
    )
    session = Session.open(root, files=files or QuickFiles())
    return grow(session, "x_ltr", GeneratorWithConsent(client, AdvanceConsent()), candidates=3, **options)


def test_a_crash_after_the_answer_is_resumed_from_its_addresses(tmp_path: Path) -> None:
    """At every third effect: once the body is on disk, nothing is bought again, and nobody is asked to allow it."""
    make_session(tmp_path / "undisturbed", files=QuickFiles())
    buy(tmp_path / "undisturbed", Shop())
    interrupted_fetches = 0
    for at in range(1, 1000, 3):
        root, shop = tmp_path / str(at), Shop()
        make_session(root, files=QuickFiles())
        try:
            buy(root, shop, FaultyFiles(Fault(at, "interrupt before")))
        except KeyboardInterrupt:
            pass
        else:
            break
        answers = root / "steps" / "000001" / "answers"
        durable = (answers / "000.body").exists()
        interrupted_fetches += durable and len(shop.fetched) < 3
        if durable or not (answers / "000.intent.json").exists():
            assert Session.open(root).head == 1 or buy(root, shop).status == "committed"
            assert shop.sold == [3]
        else:
            sold = len(shop.sold)
            with pytest.raises(OutcomeUnknownError, match="--retry-ambiguous"):
                buy(root, shop)
            assert len(shop.sold) == sold
            buy(root, shop, retry_ambiguous=True)
            assert len(shop.sold) == sold + 1
            continue
        assert pixels_of(root) == pixels_of(tmp_path / "undisturbed")
        assert verify_path(root).findings == ()
    assert interrupted_fetches > 10


@pytest.mark.parametrize("reply", [httpx.ConnectError("refused"), httpx.Response(502), KeyboardInterrupt(), GONE, PAGE])
def test_the_same_command_fetches_a_picture_that_is_reachable_again(
    tmp_path: Path, reply: httpx.Response | BaseException
) -> None:
    """After any failure only the missing picture is fetched, and nothing is bought."""
    root, shop = tmp_path / "s", Shop({1: reply})
    make_session(root, files=QuickFiles())
    with pytest.raises((OutcomeUnknownError, KeyboardInterrupt)):
        buy(root, shop)
    before = list(shop.fetched)
    shop.broken.clear()
    assert buy(root, shop).status == "committed"
    assert shop.sold == [3]
    assert sorted([*before, *shop.fetched[len(before) :]]) == sorted([*range(3), 1])
    assert verify_path(root).findings == ()


@pytest.mark.parametrize("reply", [GONE, PAGE], ids=["404", "a page in its place"])
def test_a_picture_with_an_expired_address_is_bought_again_only_with_permission(
    tmp_path: Path, reply: httpx.Response
) -> None:
    """The others are fetched all the same; each run says step, place and choice, and pays nothing."""
    root, shop = tmp_path / "s", Shop({0: reply})
    make_session(root, files=QuickFiles())
    for _ in range(3):
        with pytest.raises(OutcomeUnknownError) as caught:
            buy(root, shop)
        message = str(caught.value)
        assert f"step 1: a picture that was paid for cannot be fetched from {HERE[:-3]}/files/0.png: " in message
        for words in ("answers/000.body", "`accept 0 --step 1`", "--retry-ambiguous"):
            assert words in message
        assert "sesame" not in message
        assert shop.sold == [3]
    assert shop.fetched == [0, 1, 2, 0, 0]
    assert buy(root, shop, retry_ambiguous=True).status == "committed"
    assert shop.sold == [3, 1]
    assert verify_path(root).findings == ()


def test_fetched_pictures_can_be_accepted_without_the_missing_one(tmp_path: Path) -> None:
    """The remedy in the message works."""
    root, shop = tmp_path / "s", Shop({0: GONE})
    make_session(root, files=QuickFiles())
    with pytest.raises(OutcomeUnknownError):
        buy(root, shop)
    assert Session.open(root, files=QuickFiles()).accept(0, step=1, calibrate=False).status == "committed"
    assert shop.sold == [3]


def test_a_page_in_place_of_a_picture_is_stored_as_a_partial_answer(tmp_path: Path) -> None:
    """The file shows why the picture is missing."""
    root, shop = tmp_path / "s", Shop({0: PAGE})
    make_session(root, files=QuickFiles())
    with pytest.raises(OutcomeUnknownError, match="no picture"):
        buy(root, shop)
    [partial] = sorted((root / "steps" / "000001" / "answers").glob("*.partial"))
    assert partial.read_bytes() == PAGE.content


def test_a_generator_that_cannot_fetch_buys_nothing_again(tmp_path: Path) -> None:
    """The journal remembers the addresses that a generator of the caller left unfetched."""

    class NamesAddresses:
        def __init__(self) -> None:
            self.sold = 0

        def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
            calls.reserve(PRICE, "a tile")
            call = calls.intend({"model": "tiny"})
            self.sold += 1
            calls.answered(call, json.dumps({"data": [{"url": "/1.png"}]}).encode(), {}, PRICE)
            raise KeyboardInterrupt

    generator = NamesAddresses()
    session = make_session(tmp_path / "s", files=QuickFiles())
    with pytest.raises(KeyboardInterrupt):
        grow(session, "x_ltr", generator)
    with pytest.raises(OutcomeUnknownError, match="cannot be fetched"):
        grow(session, "x_ltr", generator)
    assert generator.sold == 1
