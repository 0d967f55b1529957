"""Consent to costs: a person is asked once a run, for the worst case of the whole run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from PIL import Image

from ..api.generator import CallLog, OwedPicture, RawCandidate, TileRequest
from ..api.reference_picture import ReferencePicture
from ..contract import TileContract
from ..errors import PaymentError
from ..pipeline.step.reference_pictures import largest_map_size

if TYPE_CHECKING:
    from ..api.openai_client import OpenAITileGeneratorClient

__all__ = [
    "AdvanceConsent",
    "Consent",
    "GeneratorWithConsent",
    "PlanPrice",
    "Price",
    "RunConsent",
    "at_its_largest",
    "price_of_run",
]


class PlanPrice(Protocol):
    """Prices a run whose steps differ."""

    def __call__(self, client: OpenAITileGeneratorClient) -> Price:
        """The price of all remaining steps."""


class Consent(Protocol):
    """Whether a request may be paid for."""

    def require(self, client: OpenAITileGeneratorClient, request: TileRequest) -> None:
        """Ask a person on the first call.

        Raises:
            PaymentError: the answer is no, or does not cover the request.
        """


@dataclass(frozen=True)
class Price:
    """The price of the steps of a run.

    Attributes:
        steps: number of steps.
        tiles: number of tiles of all steps.
        about, most: estimate and worst case of all steps, in USD.
        url: where the requests go.
    """

    steps: int
    tiles: int
    about: Decimal
    most: Decimal
    url: str

    def __str__(self) -> str:
        tiles = f"{self.tiles} tile{'s' * (self.tiles > 1)}"
        steps = f" in {self.steps} steps" if self.steps > 1 else ""
        return f"{tiles}{steps} for about ${self.about:.2f}, at most ${self.most:.2f}, to {self.url}"


def price_of_run(client: OpenAITileGeneratorClient, request: TileRequest, steps: int) -> Price:
    """The price of a run of `steps` steps that begins with `request`, which may cover only a part of a step."""
    first = client.request_preview(request)
    whole = replace(request, candidates=request.first_candidate + request.candidates, first_candidate=0)
    whole = replace(whole, references=tuple(at_its_largest(picture, request) for picture in request.references))
    later = client.request_preview(whole)

    def total(name: str) -> Decimal:
        return Decimal(str(first[name])) + (steps - 1) * Decimal(str(later[name]))

    tiles = request.candidates + (steps - 1) * whole.candidates
    return Price(steps, tiles, total("estimate_usd"), total("worst_case_usd"), str(first["url"]))


def at_its_largest(picture: ReferencePicture, request: TileRequest) -> ReferencePicture:
    """The largest picture that a later step may send in place of `picture`: a map grows with the canvas."""
    if picture.kind != "map":
        return picture
    size = request.contract.oriented(largest_map_size(request.contract), request.mode)
    return ReferencePicture.from_image("map", Image.new("RGB", size))


class RunConsent:
    """One question for all steps of a run; the amount in it limits the cost of all of them together.

    Args:
        ask: shows a person a question; returns whether the answer is yes.
        steps: the largest number of steps of the run.
        price: prices a run whose steps differ; None when all steps are like the first request.
    """

    def __init__(self, ask: Callable[[str], bool], steps: int = 1, price: PlanPrice | None = None) -> None:
        self._ask = ask
        self._steps = steps
        self._price = price
        self._agreed: Decimal | None = None
        self._left = Decimal(0)

    def require(self, client: OpenAITileGeneratorClient, request: TileRequest) -> None:
        """Ask before the first request, then count the worst case of each request against the answer.

        Raises:
            PaymentError: the answer is no, or the request could exceed the amount; nothing was sent.
        """
        if self._agreed is None:
            price = price_of_run(client, request, self._steps) if self._price is None else self._price(client)
            if price.most > 0 and not self._ask(f"{price}; pay?"):
                raise PaymentError("not confirmed: nothing was sent; answer y, or add --yes")
            self._agreed = self._left = price.most
        usd = price_of_run(client, request, 1).most
        if usd > self._left:
            raise PaymentError(
                f"this request may cost up to ${usd:.2f}; of the ${self._agreed:.2f} that were agreed to for this run "
                f"${self._left:.2f} are left: nothing was sent; run the command again to be asked anew"
            )
        self._left -= usd


class AdvanceConsent:
    """Consent given in advance, or asked for elsewhere."""

    def require(self, client: OpenAITileGeneratorClient, request: TileRequest) -> None:
        """Accept every request."""


class GeneratorWithConsent:
    """A paid generator that needs consent before a request leaves."""

    def __init__(self, client: OpenAITileGeneratorClient, consent: Consent) -> None:
        self.client = client
        self._consent = consent

    @property
    def lossy(self) -> str:
        """See the client."""
        return self.client.lossy

    def identity(self) -> Mapping[str, object]:
        """See the client."""
        return self.client.identity()

    def request_preview(self, request: TileRequest) -> dict[str, object]:
        """See the client."""
        return self.client.request_preview(request)

    def generate(self, request: TileRequest, calls: CallLog) -> Iterable[RawCandidate]:
        """Ask for consent, then generate.

        Raises:
            PaymentError: the person said no, or cannot be asked; nothing was sent.
        """
        self._consent.require(self.client, request)
        return self.client.generate(request, calls)

    def fetch(self, owed: Sequence[OwedPicture], contract: TileContract, calls: CallLog) -> None:
        """See the client; a download costs nothing, so nobody is asked."""
        self.client.fetch(owed, contract, calls)
