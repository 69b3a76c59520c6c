"""Units, designs, energy tables, mappings, workloads and their loader."""

from dataclasses import replace

import numpy as np
import pytest

from archsim.binding import bind
from archsim.choices import concrete
from archsim.design import Design
from archsim.energy import Component, access_energy, sram_area
from archsim.library import energy_tables, load, names
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.units import quantity
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import Place, SpecError


@pytest.mark.parametrize(
    "text, dimension, value",
    [
        ("16 MiB", "bytes", 2**24),
        ("1 MB", "bytes", 1e6),
        ("400 GiB/s", "bytes per second", 400 * 2**30),
        ("940 MHz", "hertz", 940e6),
        ("249.6 pJ", "joules", 249.6e-12),
        ("1 um2", "square metres", 1e-12),
    ],
)
def test_quantities(text: str, dimension: str, value: float) -> None:
    assert quantity(text, dimension, Place()) == pytest.approx(value, rel=1e-15)


@pytest.mark.parametrize("text", ["16", "16 MiB/s", "16 QiB", "MiB", ""])
def test_what_is_no_quantity_of_bytes(text: str) -> None:
    with pytest.raises(SpecError):
        quantity(text, "bytes", Place())


@pytest.mark.parametrize("kind, noun", [("design", Design), ("mapping", Mapping), ("workload", Workload)])
def test_every_shipped_file_can_be_read(kind: str, noun: type) -> None:
    assert len(names(kind)) >= 6
    for name in names(kind):
        assert load(noun, name).name == name


def test_every_shipped_number_has_a_source() -> None:
    assert all(load(Design, n).source for n in names("design"))
    assert all(load(Workload, n).source for n in names("workload"))
    assert all(load(Mapping, n).source for n in names("mapping"))
    assert all(c.source for t in energy_tables().values() for c in t.components.values())


def test_every_shipped_mapping_runs_on_its_own_design() -> None:
    for name in names("mapping"):
        mapping = load(Mapping, name)
        sizes = load(Workload, "bert", sequence_length=512)
        assert evaluate(load(Cascade, mapping.cascade), sizes, mapping, load(Design, mapping.design)).latency_s > 0


def test_energy_between_the_points_of_a_table() -> None:
    sram = Component(source="x", points=((16.0, 1.0, 2.0), (32.0, 2.0, 3.0)))
    assert access_energy(sram, 16.0) == (1.0, 2.0)
    assert 1 < access_energy(sram, 20.0)[0] < 2
    np.testing.assert_allclose(access_energy(sram, np.array([16.0, 32.0]))[0], [1.0, 2.0])
    area = Component(source="x", area_points=((2, 8, 10.0), (4, 8, 20.0)))
    np.testing.assert_allclose(sram_area(area, np.array([2, 4, 8]), 8), [10, 20, 40])


def test_parameters_of_a_mapping_outlive_its_options() -> None:
    mapping = load(Mapping, "flat", P1=2)
    names = {"M": 1024, "P": 1024, "E": 64, "SIDE": 256, "CAPACITY": 2**25}
    assert concrete(mapping, names).parameters["P1"] == mapping.parameters["P1"]


def test_a_batch_loop_inside_of_a_tile_makes_it_larger() -> None:
    mapping = load(Mapping, "fusemax_binding", {"groups.attention.keep.buffer.Q": "b"})
    cascade, workload = load(Cascade, mapping.cascade), load(Workload, "bert", sequence_length=1024)
    report = evaluate(cascade, workload, mapping, load(Design, "fusemax"))
    assert report.fit["attention", "buffer"].tensors["Q"] == 12 * 1024 * 64 * 2


def test_an_einsum_that_nobody_runs() -> None:
    mapping = load(Mapping, "fusemax_binding")
    (group,) = mapping.groups
    without = replace(group, binding={**group.binding, "array_1d": ("RM", "PRM", "SPD", "RD", "SPNV", "RNV")}, steps=())
    with pytest.raises(SpecError, match="the Einsum AV of attention_1pass is bound to no array"):
        bind(load(Cascade, mapping.cascade), load(Workload, "bert"), replace(mapping, groups=(without,)),
             load(Design, "fusemax"))  # fmt: skip


@pytest.mark.parametrize("schedule", ["overlapped", "sequential", "auto"])
def test_schedules(schedule: str) -> None:
    mapping = load(Mapping, "fusemax_binding", {"groups.attention.schedule": schedule})
    workload = load(Workload, "bert", sequence_length=4096)
    report = evaluate(load(Cascade, mapping.cascade), workload, mapping, load(Design, "fusemax"))
    (group,) = report.timeline.groups
    array = {p.name: p.array for p in report.binding.groups[0].placed}
    busy = {a: sum(c for n, c in group.busy.items() if array[n] == a) for a in ("array_2d", "array_1d")}
    assert group.cycles == (sum if schedule == "sequential" else max)(busy.values())


def test_a_parameter_that_a_design_does_not_have() -> None:
    with pytest.raises(SpecError, match="fusemax has no parameter SIDES"):
        load(Design, "fusemax", SIDES=128)
