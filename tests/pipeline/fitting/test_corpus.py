"""Every picture of the corpus becomes what it must be, within a level on average, or is refused with a clear line."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from exquisite.contract import TileContract
from exquisite.errors import PictureError
from exquisite.pipeline.fitting import fit_file
from tests.support.children import run_python
from tests.support.colour_reference import mean_error
from tests.support.corpus import SIZE, Case, corpus
from tests.support.png_reference import decode, encode

CONTRACT = TileContract(12, 6, 3, 3)
MEAN_ERROR = 1.0
"""Levels of 255."""

cases = cache(lambda: {case.name: case for case in corpus()})


def problem(case: Case, folder: Path) -> str:
    """The problem with the treatment of one file; "" if there is none."""
    path = folder / case.name
    path.write_bytes(case.data)
    try:
        fitted = fit_file(path, CONTRACT)
    except PictureError as error:
        clear = str(path) in str(error) and case.says in str(error) and "\n" not in str(error)
        return "" if case.right is None and clear else f"{case.name} is refused: {error}"
    if case.right is None:
        return f"{case.name} is taken: {fitted.changes}"
    if fitted.image.size != SIZE:
        return f"{case.name} becomes {fitted.image.size}"
    off = mean_error(list(fitted.image.get_flattened_data()), case.right)  # type: ignore[arg-type]
    has_message = not case.says or any(case.says in change for change in fitted.changes)
    return "" if off <= MEAN_ERROR and has_message else f"{case.name} is {off:.1f} levels off: {fitted.changes}"


def test_every_picture_is_converted_correctly_or_refused(tmp_path: Path) -> None:
    assert len(cases()) >= 400
    assert [text for case in cases().values() if (text := problem(case, tmp_path))] == []


def test_an_error_of_two_levels_is_a_problem() -> None:
    """The reference itself, and pixels that are off."""
    case = cases()["plain.pcx"]
    assert case.right is not None
    rounded = [tuple(round(value) for value in pixel) for row in case.right for pixel in row]
    assert mean_error(rounded, case.right) <= 0.5
    assert mean_error([tuple(value + 2 for value in pixel) for pixel in rounded], case.right) > MEAN_ERROR


def test_the_reference_decodes_its_own_pngs() -> None:
    """Every depth, colour type, filter and pass."""
    whole = {name: case.data for name, case in cases().items() if name.startswith("colour ")}
    assert len(whole) >= 300
    for name, data in whole.items():
        picture = decode(data)
        assert encode(picture, interlaced="interlaced" in name) == data, name


def test_opening_the_corpus_takes_little_memory_and_time(tmp_path: Path) -> None:
    """All of it in one fresh program, each file within ten seconds; most take a few milliseconds."""
    for name, case in cases().items():
        (tmp_path / name).write_bytes(case.data)
    code = (
        "import sys, time, pathlib\n"
        "from exquisite.contract import TileContract\n"
        "from exquisite.errors import PictureError\n"
        "from exquisite.pipeline.fitting import fit_file\n"
        "from tests.support.memory_peak import peak_bytes\n"
        "slowest = 0.0\n"
        "for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):\n"
        "    start = time.monotonic()\n"
        "    try: fit_file(path, TileContract(12, 6, 3, 3))\n"
        "    except PictureError: pass\n"
        "    slowest = max(slowest, time.monotonic() - start)\n"
        "print(peak_bytes() < 1_000_000_000, slowest < 10)"
    )
    process = run_python(code, str(tmp_path))
    assert (process.stdout.strip(), process.stderr) == ("True True", "")
