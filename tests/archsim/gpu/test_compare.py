"""The model of a GPU beside measured times. The times here are made up: they test the comparison."""

import pytest

from archsim.design import Design
from archsim.gpu.compare import compare, measured_changes
from archsim.gpu.points import Measured, Point, Timing
from archsim.library import load
from archsim.mapping import Mapping


def point(backend: str = "flash", length: int = 4096, causal: bool = False, dtype: str = "bf16") -> Point:
    return Point(backend=backend, dtype=dtype, length=length, batch=1, heads=16, head_dim=128, causal=causal)


def measured(*timings: Timing) -> Measured:
    return Measured(device="d", software="s", flops_per_s={"bf16": 8e14}, bytes_per_s=4e12, timings=list(timings))


def test_fastest_kernel_without_a_mask() -> None:
    found = compare(measured(
        Timing(point=point("math"), seconds=2e-3), Timing(point=point("flash"), seconds=1e-3),
        Timing(point=point("efficient"), why="no"), Timing(point=point(causal=True), seconds=1e-4),
        Timing(point=point(dtype="fp32"), seconds=1e-5), Timing(point=point(length=8192), seconds=4e-3),
    ), "flash_gpu")  # fmt: skip
    assert [(d.point.backend, d.point.length, d.measured_s) for d in found] == [
        ("flash", 4096, 1e-3), ("flash", 8192, 4e-3)]  # fmt: skip
    assert found[0].deviation == found[0].model_s / 1e-3 - 1
    assert found[1].model_s == pytest.approx(4 * found[0].model_s, rel=0.01)


def test_model_is_at_the_roofline_of_the_tensor_cores() -> None:
    (found,) = compare(measured(Timing(point=point(length=16384), seconds=1e-3)), "flash_gpu")
    rate = point(length=16384).flops / found.model_s
    assert 0.9 * 989e12 < rate < 989e12  # 128 of 132 multiprocessors, for head sizes that do not hang on exp


def test_measured_roofline() -> None:
    design = load(Design, load(Mapping, "flash_gpu").design)
    changes = measured_changes(design, measured())
    assert changes["memories.dram.bandwidth"] == "4e+12 B/s"
    one = measured(Timing(point=point(length=16384), seconds=1e-3))
    (stated,), (adapted,) = compare(one, "flash_gpu"), compare(one, "flash_gpu", changes)
    peak = 2 * float(design.arrays["tensor"].lanes) * float(design.clock)
    assert adapted.model_s == pytest.approx(stated.model_s * peak / 8e14, rel=0.01)
    assert measured_changes(design, Measured(device="d", software="s")) == {}


def test_design_has_the_rates_of_the_datasheet() -> None:
    design = load(Design, "h200")
    assert 2 * float(design.arrays["tensor"].lanes) * float(design.clock) * 132 / 128 == pytest.approx(989e12, rel=1e-3)
    assert float(design.memories["dram"].bandwidth) == 4.8e12
    assert 2 * float(design.arrays["vector"].lanes) * float(design.clock) * 132 / 128 == pytest.approx(67e12, rel=0.08)
