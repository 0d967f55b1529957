"""The seam tables: what the documents show is what the program renders, and the program still gives those figures."""

import json
import random
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from exquisite.geometry.overlap_score import DEFAULT_GATE, METRICS
from tests.benchmarks import seams, seams_table
from tests.benchmarks.damages import DAMAGES
from tests.support.documents import RESULTS, marked, read


@pytest.fixture(scope="module")
def recorded() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(seams.RESULT.read_text(encoding="utf-8"))
    return result


@pytest.mark.parametrize(
    ("document", "render"), [(RESULTS, seams_table.render), ("README.md", seams_table.render_headline)]
)
def test_the_document_shows_the_last_run(document: str, render: Callable[..., str], recorded: dict[str, Any]) -> None:
    table = marked(read(document), "bench-seams").strip("\n")
    assert table == render(recorded), "run `python -m tests.benchmarks.seams --write`"


def test_a_part_of_the_run_gives_the_recorded_figures_again(recorded: dict[str, Any]) -> None:
    assert seams.probe() == pytest.approx(recorded["probe"], rel=1e-4, abs=1e-4)


def test_the_record_is_of_this_scorer(recorded: dict[str, Any]) -> None:
    assert set(recorded["metrics"]) == set(METRICS)
    assert set(recorded["pairs"]) == {damage.name for damage in DAMAGES}
    assert recorded["gate"]["factor"] == DEFAULT_GATE
    assert recorded["half"] == "reporting"


@pytest.mark.parametrize("contract", ["long", "tall"])
def test_a_rectangular_contract_judges_as_well_as_the_classic_one(contract: str, recorded: dict[str, Any]) -> None:
    """On the pictures that the contract has room in: one pair of 836 is .12 points.

    Truths win within a point. Damages are caught within two: LONG passes 14 pairs more, and refuses a truth less.
    """
    own, classic = (recorded["contracts"][contract][of] for of in ("own", "first"))
    assert own["wins"] >= classic["wins"] - 0.01
    assert own["caught"] >= classic["caught"] - 0.02
    assert own["refused"] <= classic["refused"]


def test_no_tuning_picture_is_reported() -> None:
    tuning, reporting = seams.TUNING(), seams.REPORTING()
    assert not set(tuning) & set(reporting)
    photographs = {source.name for source in reporting if source.seed is None}
    assert photographs
    assert not photographs & {source.name for source in tuning}
    assert {source.name for source in reporting} >= seams.HELD_OUT_KINDS
    assert not {source.name for source in tuning} & seams.HELD_OUT_KINDS


def scored(damage: str = "", primary: float = 0.0, **changes: object) -> SimpleNamespace:
    fields = {
        "contract": "classic", "source": "ink", "seed": 1, "seam": 600, "damage": damage,
        "strength": DAMAGES[0].strengths[0], "visible": True, "metrics": tuple(primary for _ in METRICS),
        "passed": True, "vetoed": False, "seconds": 0.01,
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


class TestSummary:
    name = DAMAGES[0].name

    def test_counts_a_tie_as_half(self) -> None:
        rows = [scored(), scored(self.name, -1.0), scored(self.name, 0.0), scored(self.name, 1.0)]
        result = seams_table.summarise(rows, ["ink"])
        assert result["metrics"]["primary"]["damages"][self.name]["wins"] == 0.5
        assert result["pairs"][self.name] == 3

    def test_leaves_invisible_damages_out_of_the_visible_rate(self) -> None:
        rows = [scored(), scored(self.name, 1.0, visible=False), scored(self.name, -1.0)]
        rates = seams_table.summarise(rows, ["ink"])["metrics"]["primary"]["damages"][self.name]
        assert (rates["wins"], rates["visible_wins"]) == (0.5, 1.0)

    def test_compares_with_the_truth_of_the_same_seam(self) -> None:
        rows = [scored(), scored(seam=700, primary=-5.0), scored(self.name, -3.0, seam=700)]
        assert seams_table.summarise(rows, ["ink"])["metrics"]["primary"]["overall"] == 0.0

    def test_counts_refused_truths_by_kind(self) -> None:
        rows = [scored(passed=False), scored(source="night"), scored(source="night", seam=1)]
        assert seams_table.summarise(rows, ["ink"])["gate"]["refused"] == {"ink": [1, 1], "night": [0, 2]}

    def test_compares_each_contract_with_the_first_on_common_pictures(self) -> None:
        of_classic = [scored(), scored(self.name, -1.0), scored(source="night", passed=False)]
        of_long = [scored(contract="long", passed=False), scored(self.name, 1.0, contract="long")]
        result = seams_table.compared([*of_classic, *of_long])
        assert {name: of["pictures"] for name, of in result.items()} == {"classic": 2, "long": 1}
        own, first = result["long"]["own"], result["long"]["first"]
        assert (own["wins"], own["refused"], own["truths"]) == (0.0, 1, 1)
        assert (first["wins"], first["refused"], first["truths"]) == (1.0, 0, 1)
        recorded = {**seams_table.summarise(of_classic, ["ink"]), "contracts": result}
        assert "| `long` | 1 | 1 | 0.0 % · 100.0 % |" in seams_table.render(recorded)


class TestContracts:
    def test_each_sees_the_middle_rows_of_the_same_picture_at_the_same_seams(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = Image.linear_gradient("L").resize((seams.LARGE_WIDTH, 2048)).convert("RGB")
        monkeypatch.setattr(seams, "known_picture", lambda *_: whole)
        sources = [source for source in seams.COMPARED() if source.name == "ink"]
        assert [source.contract for source in sources] == list(seams.CONTRACTS)
        pictures = [source.load() for source in sources]
        assert [picture.height for picture in pictures] == [1024, 1024, 2048]
        assert [picture.getpixel((0, picture.height // 2)) for picture in pictures] == [whole.getpixel((0, 1024))] * 3
        columns = {source.seam(seams.LARGE_WIDTH, random.Random(1)) for source in sources}
        assert len(columns) == 1

    def test_every_drawn_kind_is_compared_and_every_photograph_that_is_large_enough(self) -> None:
        names = {source.name for source in seams.COMPARED() if source.contract == "long"}
        assert names == {source.name for source in seams.REPORTING()}
