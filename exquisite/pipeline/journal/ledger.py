"""The costs of a session on disk: spent, reserved and in doubt. A budget stays valid across runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ...errors import PaymentError
from ..store.records import FORMAT_VERSION, Record, seal
from ..store.session_files import SessionFiles
from ..store.step_folders import step_name
from .call_files import call_of
from .money import CallInDoubt, Money

__all__ = ["Ledger", "call_key", "numbers_of"]

_ZERO = Decimal(0)


def call_key(step: int, call: int) -> str:
    """The key of a call in the ledger, such as "000012/003"."""
    return f"{step_name(step)}/{call_of(call)}"


def numbers_of(key: str) -> tuple[int, int]:
    """(number of the step, number of the call) of a key."""
    step, _, call = key.partition("/")
    return int(step), int(call)


class Ledger:
    """The costs of one session in USD, as exact decimals.

    The worst case of a call is reserved before the call is sent. After the outcome the cost is booked, the reservation
    is released, or the call stays in doubt. Calls in doubt count against the budget, because they may have been billed.
    A session without costs has no ledger file. The object reads the file once, so it serves one reader, or the writer
    that holds the session's lock.
    """

    def __init__(self, disk: SessionFiles) -> None:
        self._path = disk.root / "ledger.json"
        self._disk = disk
        self._cached: Record | None = None

    @property
    def spent(self) -> Decimal:
        """The cost of answered calls."""
        return Decimal(self._record["spent_usd"])

    @property
    def estimated(self) -> Decimal:
        """The part of `spent` that is estimated, because servers stated no cost."""
        return Decimal(self._record.get("estimated_usd", "0"))

    @property
    def doubtful(self) -> Decimal:
        """The worst case of the calls that may have been billed."""
        return _total(self._record["doubtful"])

    @property
    def doubts(self) -> dict[str, Decimal]:
        """The worst case of each call that may have been billed, by its key (`call_key`)."""
        return {key: Decimal(usd) for key, usd in self._record["doubtful"].items()}

    @property
    def reserved(self) -> dict[str, Decimal]:
        """The worst case of each call that is under way, by its key (`call_key`)."""
        return {key: Decimal(usd) for key, usd in self._record["reserved"].items()}

    @property
    def counted(self) -> Decimal:
        """The amount that counts against a budget: spent, reserved and in doubt."""
        return self.spent + _total(self._record["reserved"]) + self.doubtful

    def money(self, budget: Decimal | None = None) -> Money:
        """The money of the session, beside `budget` when there is one."""
        return Money(
            spent=self.spent,
            estimated=self.estimated,
            set_aside=sum(self.reserved.values(), _ZERO),
            in_doubt=tuple(CallInDoubt(*numbers_of(key), usd) for key, usd in sorted(self.doubts.items())),
            budget=budget,
        )

    def reserve(self, key: str, usd: Decimal, budget: Decimal | None, what: str) -> None:
        """Reserve `usd` for the call `key`; a free call has no reservation.

        Raises:
            PaymentError: the session could exceed `budget`; nothing is reserved.
        """
        if usd == 0:
            return
        committed = self.counted
        if budget is not None and committed + usd > budget:
            raise PaymentError(
                f"{what} may cost up to ${usd:.2f}; with ${committed:.2f} spent or set aside that is over the "
                f"budget of ${budget:.2f}: nothing was sent; raise --budget, or ask for fewer candidates"
            )
        record = self._record
        self._write({**record, "reserved": {**record["reserved"], key: str(usd)}})

    def book(self, key: str, usd: Decimal, estimated: bool = False) -> None:
        """Replace the reservation or doubt of `key` by its cost; a repetition is ignored."""
        if key not in self:
            return
        record = self._without(key)
        if estimated:
            record["estimated_usd"] = str(self.estimated + usd)
        self._write({**record, "spent_usd": str(self.spent + usd)})

    def release(self, key: str) -> None:
        """Remove the reservation or doubt of `key`: the call was not billed."""
        if key in self:
            self._write(self._without(key))

    def doubt(self, key: str) -> None:
        """Turn the reservation of `key` into a doubt: the call may have been billed."""
        usd = self._record["reserved"].get(key)
        if usd is not None:
            record = self._without(key)
            self._write({**record, "doubtful": {**record["doubtful"], key: usd}})

    def __contains__(self, key: str) -> bool:
        return key in self._record["reserved"] or key in self._record["doubtful"]

    def _without(self, key: str) -> Record:
        """The record without the reservation and the doubt of `key`."""
        others = {
            name: {other: usd for other, usd in self._record[name].items() if other != key}
            for name in ("reserved", "doubtful")
        }
        return {**self._record, **others}

    @property
    def _record(self) -> Record:
        if self._cached is None:
            nothing: Record = {"format": FORMAT_VERSION, "spent_usd": "0", "reserved": {}, "doubtful": {}}
            self._cached = self._disk.read_record(self._path) if self._path.exists() else nothing
        return self._cached

    def _write(self, record: Record) -> None:
        self._cached = None  # after a failed write, the disk decides
        self._disk.write(self._path, seal(record))
        self._cached = record


def _total(amounts: Mapping[str, str]) -> Decimal:
    return sum((Decimal(usd) for usd in amounts.values()), _ZERO)
