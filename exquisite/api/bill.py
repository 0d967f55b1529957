"""Computes the cost of an answered call: as stated by the server, estimated, or unknown.

    a cost in a header, else the tokens in `usage`            the stated cost
    neither, or zero output tokens, in an answer with images  the estimate
    neither, in an answer without images                      unknown: the reservation stays in doubt
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from .answer import EditAnswer
from .models import FREE, usage_usd

__all__ = ["COST_HEADER", "Bill", "bill_of"]

COST_HEADER = "x-litellm-response-cost"
"""Response header of a LiteLLM proxy with the cost of the call, in USD."""


@dataclass(frozen=True)
class Bill:
    """The cost of one answered call.

    Attributes:
        usd: the cost in USD; None when it is unknown.
        estimated: True when the server stated no cost and `usd` is an estimate.
    """

    usd: Decimal | None
    estimated: bool = False

    def in_words(self, worst_case: Decimal) -> str:
        """Format the cost for a message; `worst_case` is its upper bound in USD."""
        if self.usd is None:
            return f"up to ${worst_case:.2f} (the server stated no cost)"
        return f"about ${self.usd:.4f}" if self.estimated else f"${self.usd:.4f}"


def bill_of(priced_as: str, estimate: Decimal, answer: EditAnswer, headers: Mapping[str, str]) -> Bill:
    """Compute the bill of one answer.

    Args:
        priced_as: name of the registry entry with the token prices.
        estimate: the estimated cost of the call, in USD.
        answer: the parsed body.
        headers: headers of the answer, names in lower case.
    """
    if priced_as == FREE:
        return Bill(Decimal(0))
    if stated := _amount(headers.get(COST_HEADER, "")):
        return Bill(stated)
    usd = usage_usd(priced_as, answer.usage)
    if usd and (answer.usage["output_tokens"] or not answer.names_pictures):
        return Bill(usd)
    if answer.names_pictures:
        return Bill(estimate, estimated=True)
    return Bill(None)


def _amount(text: str) -> Decimal:
    """Parse a positive amount in USD; 0 for anything else."""
    try:
        usd = Decimal(text.strip())
    except InvalidOperation:
        return Decimal(0)
    return usd if usd.is_finite() and usd > 0 else Decimal(0)
