"""Prices of pictures and tokens, and the source of a figure."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from decimal import Decimal, InvalidOperation

from ..errors import UsageError

__all__ = ["Prices", "Source"]


_USD_MAX = 1_000_000  # a larger price is a typing error, and does not fit into a message


@dataclass(frozen=True)
class Source:
    """The source of a figure.

    Attributes:
        name: name of the source.
        as_of: date on which the source stated the figure.
        assumed: True for the figure of a similar model, when the model has no published one.
    """

    name: str
    as_of: date
    assumed: bool = False

    def __str__(self) -> str:
        return f"{self.name}, {self.as_of}" + (", assumed" if self.assumed else "")


@dataclass(frozen=True)
class Prices:
    """Prices of a server, in USD per million tokens or USD per picture.

    Attributes:
        text_in, image_in, image_out: per million tokens of the prompt, the input pictures, and the output pictures.
        per_picture: per output picture, independent of tokens; 0 when tokens have prices.
    """

    text_in: Decimal = Decimal(0)
    image_in: Decimal = Decimal(0)
    image_out: Decimal = Decimal(0)
    per_picture: Decimal = Decimal(0)

    def __str__(self) -> str:
        """Format the prices above 0 for `parse`, such as "text_in=5 image_in=8 image_out=30"."""
        amounts = {field.name: getattr(self, field.name) for field in fields(self)}
        return " ".join(f"{name}={usd}" for name, usd in amounts.items() if usd)

    @classmethod
    def parse(cls, text: str) -> Prices:
        """Parse a text of the form "NAME=USD NAME=USD".

        Raises:
            UsageError: another form, or prices of both tokens and pictures.
        """
        names = [field.name for field in fields(cls)]
        amounts: dict[str, Decimal] = {}
        for word in text.split():
            name, equals, usd = word.partition("=")
            if not equals or name not in names or name in amounts:
                raise UsageError(f"{word!r} is no price: write NAME=USD once for each of {', '.join(names)}")
            amounts[name] = _usd(name, usd)
        if not amounts:
            raise UsageError(f"there is no price: write NAME=USD, with a name of {', '.join(names)}")
        if "per_picture" in amounts and len(amounts) > 1:
            raise UsageError("prices are per picture, or per million tokens: not both")
        return cls(**amounts)


def _usd(name: str, text: str) -> Decimal:
    try:
        usd = Decimal(text)
    except InvalidOperation:
        usd = Decimal(-1)
    if not usd.is_finite() or not 0 < usd < _USD_MAX:
        raise UsageError(f"{name}={text} is no price: it must be a number of dollars above 0 and below a million")
    return usd
