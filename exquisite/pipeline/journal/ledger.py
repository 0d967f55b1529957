"""What a session has cost: spent, set aside, and in doubt; on disk, so that a budget survives a restart."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from ...errors import PaymentError
from ...files import Files
from ..store.records import FORMAT_VERSION, Record, read_record, seal

__all__ = ["Ledger"]

_ZERO = Decimal(0)


class Ledger:
    """The money of one session, in USD, exact decimals.

    A call is worth its worst case from before it is sent (`reserve`) until its outcome is known: then it is
    booked at its real cost, released, or left in doubt. What is in doubt counts against the budget, because
    it may have been billed. A session that never pays has no ledger file.
    """

    def __init__(self, root: Path, files: Files) -> None:
        self._path = root / "ledger.json"
        self._scratch = root / "tmp"
        self._files = files

    @property
    def spent(self) -> Decimal:
        """What calls with a known cost have cost."""
        return Decimal(self._read()["spent_usd"])

    @property
    def doubtful(self) -> Decimal:
        """The worst case of the calls whose outcome is unknown."""
        return _total(self._read()["doubtful"])

    @property
    def reserved(self) -> dict[str, Decimal]:
        """The worst case of each call that is under way, by its key "step/call"."""
        return {key: Decimal(usd) for key, usd in self._read()["reserved"].items()}

    def reserve(self, key: str, usd: Decimal, budget: Decimal | None, what: str) -> None:
        """Set `usd` aside for the call `key`.

        Raises:
            PaymentError: with it the session would cost more than `budget`; nothing is set aside.
        """
        record = self._read()
        committed = Decimal(record["spent_usd"]) + _total(record["reserved"]) + _total(record["doubtful"])
        if budget is not None and committed + usd > budget:
            raise PaymentError(
                f"{what} may cost up to ${usd:.2f}; with ${committed:.2f} spent or set aside that is over the "
                f"budget of ${budget:.2f}: nothing was sent; raise --budget, or ask for fewer candidates"
            )
        record["reserved"][key] = str(usd)
        self._write(record)

    def book(self, key: str, usd: Decimal) -> None:
        """Replace what was set aside, or in doubt, for `key` by its real cost; once, a repetition is ignored."""
        record = self._read()
        if self._take(record, key) is not None:
            record["spent_usd"] = str(Decimal(record["spent_usd"]) + usd)
            self._write(record)

    def release(self, key: str) -> None:
        """Give back what was set aside for `key`: the call was not billed."""
        record = self._read()
        if self._take(record, key) is not None:
            self._write(record)

    def doubt(self, key: str) -> None:
        """Keep what was set aside for `key` counted: the call may have been billed."""
        record = self._read()
        usd = record["reserved"].pop(key, None)
        if usd is not None:
            record["doubtful"][key] = usd
            self._write(record)

    def _take(self, record: Record, key: str) -> str | None:
        reserved = record["reserved"].pop(key, None)
        return str(reserved) if reserved is not None else record["doubtful"].pop(key, None)

    def _read(self) -> Record:
        if not self._path.exists():
            return {"format": FORMAT_VERSION, "spent_usd": "0", "reserved": {}, "doubtful": {}}
        return read_record(self._path)

    def _write(self, record: Record) -> None:
        self._files.write_atomic(self._path, seal(record), self._scratch)


def _total(amounts: dict[str, str]) -> Decimal:
    return sum((Decimal(usd) for usd in amounts.values()), _ZERO)
