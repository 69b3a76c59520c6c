"""Axes: lists, ranges and units; which paths are numbers and which are structures."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archsim.sweeps.axes import Axis, dimension_of, read_axis, whole
from archsim.sweeps.space import Space, read_space
from einsum_cascade.document import read
from einsum_cascade.errors import SpecError

SIDE, BANDWIDTH, LENGTH = "design.parameters.SIDE", "design.memories.dram.bandwidth", "workload.sequence_length"


def axis(values: str, path: str = SIDE) -> Axis:
    return read_axis(read(f"x: {values}", "s.yaml")[0], path, "x")


def refused(values: str, path: str = SIDE) -> str:
    with pytest.raises(SpecError) as caught:
        axis(values, path)
    return caught.value.diagnostics[0].message


@pytest.mark.parametrize(
    ("values", "path", "expected"),
    [
        ("[64, 128]", SIDE, [64, 128]),
        ("64", SIDE, [64]),
        ("[1K, 2M, 1.5K]", LENGTH, [1024, 2**21, 1536]),
        ("[2**10, 3*7, (1 + 2)]", SIDE, [1024, 21, 3]),
        ("[16 MiB, 1 MB, 7]", "design.parameters.CAPACITY", [2**24, 1e6, 7]),
        ("[400 GiB/s, 8 Gbit/s]", BANDWIDTH, [400 * 2**30, 1e9]),
        ("[1 GHz, 940 MHz]", "design.clock", [1e9, 940e6]),
        ("{linear: [1, 5, 3]}", SIDE, [1, 3, 5]),
        ("{linear: [100 GB/s, 300 GB/s, 3]}", BANDWIDTH, [1e11, 2e11, 3e11]),
        ("{log: [1, 4096, 5]}", LENGTH, [1, 8, 64, 512, 4096]),
        ("{log: [1K, 64K, 7]}", LENGTH, [1024, 2048, 4096, 8192, 16384, 32768, 65536]),
        ("{powers_of_two: [1K, 9K]}", LENGTH, [1024, 2048, 4096, 8192]),
        ("{powers_of_two: [100 GB/s, 450 GB/s]}", BANDWIDTH, [1e11, 2e11, 4e11]),
        ("{linear: [10, 50, 3], multiple_of: 16}", SIDE, [16, 32, 48]),
        ("{log: [1, 100, 50], multiple_of: 32}", SIDE, [32, 64, 96]),
        ("{linear: [5, 5, 1]}", SIDE, [5]),
    ],
)
def test_numbers(values: str, path: str, expected: list[float]) -> None:
    found = axis(values, path)
    assert found.numbers is not None and found.numbers.dtype == np.float64
    np.testing.assert_array_equal(found.numbers, expected)
    assert len(found) == len(expected)
    assert found.integral == all(float(e).is_integer() for e in expected)


@pytest.mark.parametrize(
    ("values", "path", "texts"),
    [
        ("[weight, output]", "mapping.choices.qk", ["weight", "output"]),
        ("[null, 1 MiB]", "design.memories.buffer.capacity", ["null", "1 MiB"]),
        ("[auto, overlapped]", "mapping.groups.a.schedule", ["auto", "overlapped"]),
        ("[[m1, p1], [p1, m1]]", "mapping.groups.a.loops", ['["m1", "p1"]', '["p1", "m1"]']),
        ("[bert, xlm]", "workload", ["bert", "xlm"]),
        ("bert", "workload", ["bert"]),
        ("[true, false]", "design.parameters.X", ["true", "false"]),
    ],
)
def test_structures(values: str, path: str, texts: list[str]) -> None:
    found = axis(values, path)
    assert found.numbers is None and not found.integral
    assert [found.text(i) for i in range(len(found))] == texts


@pytest.mark.parametrize(
    ("values", "path", "message"),
    [
        ("[]", SIDE, "design.parameters.SIDE has no values"),
        ("[1, 1]", SIDE, "design.parameters.SIDE has the value 1 twice"),
        ("[0]", SIDE, "design.parameters.SIDE is 0"),
        ("[.inf]", SIDE, "design.parameters.SIDE is inf"),
        ("[.nan]", SIDE, "design.parameters.SIDE is nan"),
        ("[1.5]", LENGTH, "workload.sequence_length is 1.5"),
        ("[16]", BANDWIDTH, "16 has no unit"),
        ("[16 parsec]", BANDWIDTH, "unknown unit parsec"),
        ("[2 **]", SIDE, "unexpected end of line"),
        ("{}", SIDE, "design.parameters.SIDE needs one kind of range"),
        ("{linear: 5}", SIDE, "linear needs 3 values"),
        ("{linear: [1, 2, 1.5]}", SIDE, "1.5 is not a number of values"),
        ("{linear: [1, 2, 0]}", SIDE, "0 is not a number of values"),
        ("{linear: [1, 2, 1000001]}", SIDE, "1000001 is not a number of values"),
        ("{linear: [a, 2, 3]}", SIDE, "a is not a positive number"),
        ("{log: [0, 2, 3]}", SIDE, "0 is not a positive number"),
        ("{powers_of_two: [3, 64]}", SIDE, "3 is not a power of two"),
        ("{linear: [1, 9, 3], multiple_of: 0}", SIDE, "0 is not a positive number"),
    ],
)
def test_what_is_refused(values: str, path: str, message: str) -> None:
    assert refused(values, path) == message


def test_what_a_path_holds() -> None:
    assert dimension_of("design.memories.a.charged_as") == "bytes"
    assert dimension_of("workload.bandwidth") == "" and dimension_of("mapping.clock") == ""
    assert whole("workload.ranks.L") and whole("workload.kv_heads")
    assert not whole("workload") and not whole("mapping.heads")


@pytest.mark.parametrize(
    ("values", "path", "unit"),
    [
        ("[16 MiB, 1 MB]", "design.parameters.CAPACITY", "B"),
        ("{log: [16 KiB, 64 MiB, 5], multiple_of: 4 KiB}", "design.parameters.CAPACITY", "B"),
        ("{linear: [1 GB/s, 2 GB/s, 2]}", "design.parameters.SPEED", "B/s"),
        ("[1 pJ]", "design.parameters.COST", "J"),
        ("[16 MiB, 7]", "design.parameters.CAPACITY", ""),
        ("[1K, 2K]", "design.parameters.SIDE", ""),
        ("[1K, 2K]", LENGTH, ""),
        ("[1 GHz]", "design.clock", "Hz"),
        ("[weight]", "mapping.choices.qk", ""),
    ],
)
def test_the_unit_of_an_axis(values: str, path: str, unit: str) -> None:
    assert axis(values, path).unit == unit


@pytest.mark.parametrize("path", ["design.source", "workload.description", "mapping.mapping", "cascade.cascade"])
def test_free_text_is_no_axis(path: str) -> None:
    with pytest.raises(SpecError, match=f"{path} is free text: it changes no number") as caught:
        space(f"axes: {{{path}: [a, b]}}")
    assert caught.value.diagnostics[0].place.line == 3


def space(text: str) -> Space:
    return read_space(read(f"sweep: s\ndocuments: {{mapping: unfused, workload: [bert, xlm]}}\n{text}", "s.yaml")[0])


@given(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=4))
def test_points_are_numbered_row_by_row(lengths: list[int]) -> None:
    axes = "\n".join(f"  design.parameters.A{k}: {{linear: [1, 9, {n}]}}" for k, n in enumerate(lengths))
    found = space(f"axes:\n{axes}")
    every = list(product(*(range(n) for n in (1, 2, *lengths))))
    assert found.points == len(every) and found.shape == (1, 2, *lengths)
    index = np.stack(found.indices(np.arange(found.points)), axis=1)
    assert [tuple(row) for row in index.tolist()] == every


def test_zipped_axes_stand_where_the_first_of_them_stands() -> None:
    found = space(
        "axes: {workload.batch: [1, 2, 3], workload.heads: [4, 8], design.clock: [1 GHz, 2 GHz, 3 GHz]}\n"
        "zip: [[design.clock, workload.batch]]"
    )
    assert [tuple(a.path for a in d) for d in found.dimensions] == [
        ("mapping",), ("workload",), ("design.clock", "workload.batch"), ("workload.heads",),
    ]  # fmt: skip
    assert found.shape == (1, 2, 3, 2)


def test_a_document_can_be_zipped_with_a_number() -> None:
    found = space("axes: {design.parameters.HEAD: [64, 128]}\nzip: [[workload, design.parameters.HEAD]]")
    assert found.shape == (1, 2) and found.points == 2


def test_columns_are_short_and_tell_apart() -> None:
    found = space(
        "axes: {design.memories.buffer.capacity: [1 KiB], design.memories.dram.capacity: [1 GiB],"
        " design.memories.dram.bandwidth: [1 GB/s], design.parameters.SIDE: [1], workload.ranks.side: [2],"
        " workload.ranks.reason: [3]}"
    )
    assert found.names == {
        "cascade": "cascade", "workload": "workload", "mapping": "mapping", "design": "design",
        "design.memories.buffer.capacity": "buffer_capacity", "design.memories.dram.capacity": "dram_capacity",
        "design.memories.dram.bandwidth": "bandwidth", "design.parameters.SIDE": "parameters_SIDE",
        "workload.ranks.side": "ranks_side", "workload.ranks.reason": "ranks_reason",
    }  # fmt: skip
    units = {c.name: c.unit for c in found.inputs}
    assert (units["bandwidth"], units["dram_capacity"], units["parameters_SIDE"]) == ("B/s", "B", "")


def test_points_that_do_the_same_work_compete() -> None:
    found = space("axes: {workload.batch: [1, 2], design.parameters.SIDE: [64, 128]}")
    assert found.per == ("workload", "workload.batch")
    assert found.classes(np.arange(8)).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert space("per: []").classes(np.arange(2)).tolist() == [0, 0]
