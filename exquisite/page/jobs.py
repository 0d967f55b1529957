"""A step that the page asks for: priced first, run by one thread, told about while it runs."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ..api.generator import PricesRequests, TileGenerator, describe
from ..contract import Mode
from ..errors import ExquisiteError, PaymentError, SessionLockedError, UsageError
from ..pipeline.session import Session
from ..pipeline.step import Progress, StepOptions
from ..pipeline.store.records import Record
from .facts import from_one

__all__ = ["Payment", "StepJobs"]

_QUOTE_S = 600.0
_PRICE_FIELDS = ("estimate_usd", "worst_case_usd", "url", "warning")


@dataclass(frozen=True)
class Payment:
    """Whether steps may cost money, and how much the session may cost in all, in USD; None for no step that costs."""

    allowed: bool = False
    budget: Decimal | None = None


@dataclass(frozen=True)
class _Quote:
    """A step that was priced: exactly this one may be run for at most this much."""

    branch: str | None
    head: int
    mode: Mode
    words: str
    options: Mapping[str, Any]
    worst_usd: Decimal
    until: float


class StepJobs:
    """Prices and runs the steps of one server, one at a time; safe for threads.

    Args:
        open_session: the session, following a branch.
        generator: who makes the tiles; None when the page may run no step.
        payment: whether it may cost money.
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
        """USD that the session may cost in all; None for a page that runs no step that costs."""
        return self._payment.budget

    @property
    def running(self) -> bool:
        """Whether a step is under way."""
        return self._thread is not None and self._thread.is_alive()

    def state(self) -> Record | None:
        """Where the last step that was asked for is; None before the first one."""
        with self._lock:
            return None if self._state is None else dict(self._state)

    def generator(self) -> Record | None:
        """Who makes the tiles, and whether that may cost money; None when the page may run no step."""
        if self._generator is None:
            return None
        return {
            **describe(self._generator),
            "paid": isinstance(self._generator, PricesRequests),
            "allowed": self._payment.allowed,
        }

    def quote(self, branch: str | None, mode: str, words: str, options: Mapping[str, Any]) -> Record:
        """What a step would cost, and a name under which exactly this step can be run within ten minutes.

        Raises:
            UsageError: the page may run no step, or an option has no such value.
            PaymentError: it would cost money, and the page was not started for that.
            CanvasError: the canvas cannot grow in `mode`.
        """
        if self._generator is None:
            raise UsageError("this page was started without a generator: it runs no step")
        session = self._open(branch)
        chosen = StepOptions.from_values(options)
        if chosen.picture_files:
            raise UsageError("a page reads no picture files: use seed or map, or the command line")
        inputs = session.inputs(mode, words, **options)
        price: Record = {"estimate_usd": "0", "worst_case_usd": "0"}
        if isinstance(self._generator, PricesRequests):
            request = inputs.request(chosen.candidates, session.status().last_step + 1)
            preview = self._generator.request_preview(request)
            price = {name: preview.get(name) for name in _PRICE_FIELDS}
        worst = Decimal(str(price["worst_case_usd"]))
        if worst > 0 and not self._payment.allowed:
            raise PaymentError(
                f"this step may cost up to ${worst:.2f}, and the page was started without leave to pay: "
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
        """Run the step that was priced as `name`, in a thread of its own; returns where it is.

        Args:
            name: from `quote`; it holds once.
            pay_usd: the most that the person has agreed to pay, as the quote said it; needed when that is not 0.

        Raises:
            UsageError: no such quote, or the canvas has moved on since.
            PaymentError: the amount was not agreed to.
            SessionLockedError: another step of this page is under way.
        """
        with self._lock:
            quote = self._quotes.get(name)
            if quote is None or quote.until < time.monotonic():
                raise UsageError("this price does not hold any more: ask for it again")
            if quote.worst_usd > 0 and (pay_usd is None or Decimal(pay_usd) != quote.worst_usd):
                raise PaymentError(f"nothing was sent: paying up to ${quote.worst_usd:.2f} was not agreed to")
            if self.running:
                raise SessionLockedError("a step of this page is under way: wait until it has ended")
            del self._quotes[name]
            session = self._open(quote.branch)
            if session.head != quote.head:
                raise UsageError("the canvas has moved on since the price was asked for: look, and ask again")
            self._state = {"phase": "starting", "mode": quote.mode, "step": None, "candidate": 0, "done": False}
            self._thread = threading.Thread(target=self._work, args=(session, quote))
            self._thread.start()
            return dict(self._state)

    def join(self) -> None:
        """Wait for the step under way: its answers may have been paid for."""
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
                progress=self._tell,
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

    def _tell(self, progress: Progress) -> None:
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
