"""What an answered call costs: as the server says, by an estimate where it does not say, or unknown.

    a cost in a header, else the tokens in `usage`      what the server says
    neither, or no output tokens, and pictures came     the estimate
    neither, and no picture came                        unknown: the reservation stays in doubt
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .answer import EditAnswer
from .models import FREE, usage_usd

__all__ = ["COST_HEADER", "Bill", "bill_of"]

COST_HEADER = "x-litellm-response-cost"
"""The header in which a LiteLLM proxy says what a call cost, in USD."""


@dataclass(frozen=True)
class Bill:
    """The cost of one answered call.

    Attributes:
        usd: the cost in USD; None when nothing tells.
        estimated: whether it is an estimate, because the server did not say.
    """

    usd: Decimal | None
    estimated: bool = False

    def in_words(self, worst_case: Decimal) -> str:
        """The cost for a person; `worst_case` is what it may be at most."""
        if self.usd is None:
            return f"up to ${worst_case:.2f}, which the server did not say"
        return f"about ${self.usd:.4f}" if self.estimated else f"${self.usd:.4f}"


def bill_of(priced_as: str, estimate: Decimal, answer: EditAnswer, headers: Mapping[str, str]) -> Bill:
    """The bill of one answer.

    Args:
        priced_as: the registry's entry by which tokens are counted.
        estimate: what the call was estimated to cost, in USD.
        answer: what the body holds.
        headers: those of the answer, names in lower case.
    """
    if priced_as == FREE:
        return Bill(Decimal(0))
    if said := _amount(headers.get(COST_HEADER, "")):
        return Bill(said)
    usd = usage_usd(priced_as, answer.usage)
    if usd and (answer.usage["output_tokens"] or not answer.names_pictures):
        return Bill(usd)
    if answer.names_pictures:
        return Bill(estimate, estimated=True)
    return Bill(None)


def _amount(text: str) -> Decimal:
    """A positive amount in USD; 0 for anything else."""
    try:
        usd = Decimal(text.strip())
    except InvalidOperation:
        return Decimal(0)
    return usd if usd.is_finite() and usd > 0 else Decimal(0)
