"""Points evaluated again: the stored numbers, and parts that add up to them; refused where they would be others."""

from pathlib import Path

import duckdb
import pytest

from archsim.explore.breakdown import breakdowns, evaluated, space_of
from archsim.explore.results import open_results
from einsum_cascade.errors import SpecError
from tests.stores import STUDY, swept


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("sweep"))


def test_parts_add_up_to_what_was_stored(file: Path) -> None:
    with open_results(file) as results:
        points = [p for (p,) in results.select("SELECT point FROM points WHERE feasible AND point % 37 < 2")]
        rows = results.rows(points)
        found = list(breakdowns(results, space_of(results, file.parent), points))
    assert len(points) >= 5 and [b.point for b in found] == points
    for i, b in enumerate(found):
        assert b.latency_s == pytest.approx(rows["latency_s"][i], rel=1e-12)
        assert sum(b.energy_j.values()) == pytest.approx(rows["energy_j"][i], rel=1e-12)
        assert sum(b.area_mm2.values()) == pytest.approx(rows["area_mm2"][i], rel=1e-12)
        assert b.dram_bytes == pytest.approx(rows["dram_traffic_bytes"][i], rel=1e-12)
        assert b.bandwidth == rows["bandwidth"][i]


def test_no_point_is_above_its_roof(file: Path) -> None:
    with open_results(file) as results:
        points = [p for (p,) in results.select("SELECT point FROM front")]
        for b in breakdowns(results, space_of(results, file.parent), points):
            achieved = b.lane_cycles / b.latency_s
            assert b.bandwidth is not None
            assert achieved <= min(b.peak, b.bandwidth * b.lane_cycles / b.dram_bytes) * (1 + 1e-9)


def test_lane_cycles_are_operations_times_their_cycles(file: Path) -> None:
    with open_results(file) as results:
        space = space_of(results, file.parent)
        (b,) = breakdowns(results, space, [50])
    report = evaluated(space, 50)
    expected = sum(float(p.points) * p.cycles for g in report.binding.groups for p in g.placed)
    assert b.lane_cycles == pytest.approx(expected, rel=1e-12)


def change(file: Path, folder: Path, sql: str) -> Path:
    copy = folder / "copy.duckdb"
    copy.write_bytes(file.read_bytes())
    with duckdb.connect(str(copy)) as connection:
        connection.execute(sql)
    return copy


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("UPDATE study SET version = '0.0.1'", r"the results are of archsim 0\.0\.1"),
        (
            "UPDATE study SET documents = replace(documents, 'design/fusemax', 'design/other')",
            "design/other is not what",
        ),
        ("UPDATE points SET latency_s = 2 * latency_s", "when it was swept"),
    ],
)
def test_what_is_not_the_same_any_more(file: Path, tmp_path: Path, sql: str, message: str) -> None:
    with open_results(change(file, tmp_path, sql)) as results, pytest.raises(SpecError, match=message):
        list(breakdowns(results, space_of(results, tmp_path), [0]))


def test_derived_values_and_conditions(tmp_path: Path) -> None:
    text = STUDY.replace("  design.parameters.CAPACITY: {powers_of_two: [64K, 4M]}\n", "") + (
        "derived: {design.parameters.CAPACITY: SIDE * 4096}\nwhere: [SIDE > 64]\n"
    )
    with open_results(swept(tmp_path, text)) as results:
        points = [p for (p,) in results.select("SELECT point FROM points")]
        assert len(points) == 2 * 2 * 2 * 4
        assert len(list(breakdowns(results, space_of(results, tmp_path), points[::7]))) == 5


def test_documents_beside_the_study(file: Path, tmp_path: Path) -> None:
    """A design that is named by its path is found in the folder that is given, and nowhere else."""
    from archsim.library import find

    (tmp_path / "mine.yaml").write_text("\n".join(find("design", "fusemax").lines), encoding="utf-8")
    own = swept(tmp_path, STUDY.replace("documents: {", "documents: {design: mine.yaml, "))
    with open_results(own) as results:
        assert len(list(breakdowns(results, space_of(results, tmp_path), [0]))) == 1
        with pytest.raises(SpecError):
            space_of(results, file.parent)
