"""Steps started from the page: each is priced first, then one thread runs it and reports its progress."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from ..api.generator import PricesRequests, TileGenerator, describe
from ..contract import Mode
from ..errors import ExquisiteError, PaymentError, SessionLockedError, UsageError
from ..json_types import JsonMapping
from ..pipeline.session import Session
from ..pipeline.step import Progress, StepOptions
from ..pipeline.store.records import Record
from .facts import from_one

__all__ = ["Payment", "StepJobs"]

_QUOTE_S = 600.0  # a quote is valid for ten minutes
_PRICE_FIELDS = ("estimate_usd", "worst_case_usd", "url", "warning")


@dataclass(frozen=True)
class Payment:
    """Whether the page may run steps that cost money, and the budget of the session in USD."""

    allowed: bool = False
    budget: Decimal | None = None


@dataclass(frozen=True)
class _Quote:
    """A step with its price: only this step may run, for at most `worst_usd`, until the monotonic time `until`."""

    branch: str | None
    head: int
    mode: Mode
    words: str
    options: JsonMapping
    worst_usd: Decimal
    until: float


class StepJobs:
    """Prices and runs the steps of one server, one at a time; safe for threads.

    Args:
        open_session: opens the session on a branch; None is the main head.
        generator: makes the tiles; None for a page that runs no steps.
        payment: whether steps may cost money.
    """

    def __init__(
        self, open_session: Callable[[str | None], Session], generator: TileGenerator | None, payment: Payment
    ) -> None:
        self._open = open_session
        self._generator = generator
        self._payment = payment
        self._quotes: dict[str, _Quote] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._state: Record | None = None

    @property
    def budget(self) -> Decimal | None:
        """Budget of the session in USD; None for a page that may not pay."""
        return self._payment.budget

    @property
    def running(self) -> bool:
        """Whether a step is running."""
        return self._thread is not None and self._thread.is_alive()

    def state(self) -> Record | None:
        """The progress of the latest step started from the page; None before the first."""
        with self._lock:
            return None if self._state is None else dict(self._state)

    def generator(self) -> Record | None:
        """The generator's name and model, and whether it may cost money; None for a page that runs no steps."""
        if self._generator is None:
            return None
        return {
            **describe(self._generator),
            "paid": isinstance(self._generator, PricesRequests),
            "allowed": self._payment.allowed,
        }

    def quote(self, branch: str | None, mode: str, words: str, options: JsonMapping) -> Record:
        """Price a step. The quote returned can be run once, unchanged, within ten minutes.

        Raises:
            UsageError: the page runs no steps, or an option has an invalid value.
            PaymentError: the step costs money, and the page may not pay.
            CanvasError: the canvas cannot grow in `mode`.
        """
        if self._generator is None:
            raise UsageError("this page was started without a generator: it runs no steps")
        session = self._open(branch)
        chosen = StepOptions.from_values(options)
        if chosen.picture_files:
            raise UsageError("the page reads no picture files: use seed or map as reference, or the command line")
        inputs = session.inputs(mode, words, **options)
        price: Record = {"estimate_usd": "0", "worst_case_usd": "0"}
        if isinstance(self._generator, PricesRequests):
            request = inputs.request(chosen.candidates, session.status().last_step + 1)
            preview = self._generator.request_preview(request)
            price = {name: preview.get(name) for name in _PRICE_FIELDS}
        worst = Decimal(str(price["worst_case_usd"]))
        if worst > 0 and not self._payment.allowed:
            raise PaymentError(
                f"this step may cost up to ${worst:.2f}, and the page may not pay: "
                f"start it with --allow-pay and --budget"
            )
        name = secrets.token_hex(8)
        quote = _Quote(branch, session.head, Mode(mode), words, dict(options), worst, time.monotonic() + _QUOTE_S)
        with self._lock:
            now = time.monotonic()
            self._quotes = {key: value for key, value in self._quotes.items() if value.until > now}
            self._quotes[name] = quote
        return {"quote": name, "prompt": inputs.prompt, "candidates": chosen.candidates, **price}

    def run(self, name: str, pay_usd: str | None) -> Record:
        """Run the step of quote `name` in a thread of its own; returns its state.

        Args:
            name: the quote, which can be used once.
            pay_usd: the worst case of the quote, repeated as the person's consent; required when it is not 0.

        Raises:
            UsageError: there is no such quote, or the canvas has changed since.
            PaymentError: the person did not agree to the amount.
            SessionLockedError: another step of this page is running.
        """
        with self._lock:
            quote = self._quotes.get(name)
            if quote is None or quote.until < time.monotonic():
                raise UsageError("this price has expired: ask for it again")
            if quote.worst_usd > 0 and (pay_usd is None or Decimal(pay_usd) != quote.worst_usd):
                raise PaymentError(f"nothing was sent: nobody agreed to pay up to ${quote.worst_usd:.2f}")
            if self.running:
                raise SessionLockedError("a step of this page is running: wait until it has ended")
            del self._quotes[name]
            session = self._open(quote.branch)
            if session.head != quote.head:
                raise UsageError("the canvas has changed since the price was shown: look at it, then ask again")
            self._state = {"phase": "starting", "mode": quote.mode, "step": None, "candidate": 0, "done": False}
            self._thread = threading.Thread(target=self._work, args=(session, quote))
            self._thread.start()
            return dict(self._state)

    def join(self) -> None:
        """Wait for the running step: its answers may have been paid for."""
        if self._thread is not None:
            self._thread.join()

    def _work(self, session: Session, quote: _Quote) -> None:
        assert self._generator is not None
        try:
            result = session.step(
                quote.mode,
                self._generator,
                prompt=quote.words,
                budget=self._payment.budget,
                progress=self._report,
                **quote.options,
            )
            message = from_one(result.message)
            self._set(phase=result.status, step=result.step_index, chosen=result.chosen, message=message)
        except ExquisiteError as error:
            self._set(phase="failed", error=str(error))
        except Exception as error:
            self._set(phase="failed", error=f"a fault of this program ({type(error).__name__})")
        finally:
            self._set(done=True)

    def _report(self, progress: Progress) -> None:
        self._set(
            phase=progress.phase,
            step=progress.step,
            candidate=progress.candidate,
            candidates=progress.candidates,
            elapsed=round(progress.elapsed, 1),
        )

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._state = {**(self._state or {}), **changes}
