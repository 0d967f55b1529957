"""The texture benchmark covers every fixture, and reports the result that the session records."""

from exquisite import Mode, TileContract
from tests.benchmarks import textures
from tests.support.pictures import KINDS


def test_every_fixture_is_covered() -> None:
    assert set(KINDS) < set(textures.names())
    photographs = {path.stem for path in (textures.FIXTURES / "pictures").glob("*") if path.suffix != ".md"}
    assert set(textures.names()) - set(KINDS) == photographs | {textures.DEMO}


def test_a_row_shows_the_result_of_the_step() -> None:
    (row,) = textures.examine("mosaic", textures.SEED, [Mode.Y_TTB], TileContract(128, 64, 32, 32))
    assert (row.name, row.mode) == ("mosaic", "y_ttb")
    assert (row.status == "committed") == (row.of_the_gate <= 1)
    assert row.seconds > 0
