"""Plans: what runs where and in which order, as far as no number matters."""

import pytest

from archsim.layout import Linear
from archsim.plan import plan
from archsim.value import evaluate
from tests.tiny import CASCADE, MAPPING, cascade, changed, design, mapping

TILED = changed(CASCADE, ("ranks: {M: 8, K: 6}", "ranks: {M: 8, K: 6}\nparams: {K0: 4, K1: (K + K0 - 1) // K0}"),
                ("A[m,k] * B[k]", "A[m,k1*K0+k0] * B[k1*K0+k0]"))  # fmt: skip


def groups(*changes: tuple[str, str], of: str = CASCADE):  # type: ignore[no-untyped-def]
    return plan(cascade(of), mapping(changed(MAPPING, *changes)), design()).groups


def test_loops_are_shared_then_own_then_what_no_one_orders() -> None:
    y, x, _ = groups()[0].placed
    assert (y.loops, y.shared, y.space) == (("m1", "k"), 1, {"rows": "m0"})
    assert (x.loops, x.shared, x.space) == (("m1",), 1, {"lanes": "m0"})
    y = groups(("keep:", "time: {Y: [k, m0]}\n    keep:"), ("pes: {rows: m0}", "pes: {}"))[0].placed[0]
    assert y.loops == ("m1", "k", "m0")


def test_reduced_variables_run_innermost_if_no_one_orders_them() -> None:
    y = groups(("loops: [m1]", "loops: []"), ("{B: m1}", "{}"), ("pes: {rows: m0}", "pes: {}"))[0].placed[0]
    assert y.loops == ("m1", "m0", "k")


def test_einsums_stand_in_the_order_of_the_cascade() -> None:
    assert [p.einsum.name for p in groups(("vec: [X, Z]", "vec: [Z, X]"))[0].placed] == ["Y", "X", "Z"]


def test_the_space_of_an_einsum_goes_before_that_of_its_array() -> None:
    placed = groups(
        ("vec: {lanes: m0}", "vec: {lanes: m0}, X: {lanes: m1}"), ("loops: [m1]", "loops: []"), ("{B: m1}", "{}")
    )
    assert [p.space for p in placed[0].placed] == [{"rows": "m0"}, {"lanes": "m1"}, {"lanes": "m0"}]


def test_a_loop_that_no_einsum_has_is_a_batch() -> None:
    (group,) = groups(("loops: [m1]", "loops: [b, m1]"))
    assert group.batch == ("b",) and all(p.loops[0] == "b" for p in group.placed)
    assert group.used == ("m", "k")


def test_indices_over_two_variables_are_kept_with_their_axis() -> None:
    found = plan(cascade(TILED), mapping(), design())
    assert found.composite == {"A", "B"}
    (linear,) = found.groups[0].linear
    assert isinstance(linear, Linear) and linear.variables == ("k1", "k0")
    assert [evaluate(f, {"K0": 4}) for f in linear.factors] == [4, 1]
    assert evaluate(linear.size, {"K": 6}) == 6


def test_what_leaves_a_group() -> None:
    text = changed(MAPPING, ("vec: [X, Z]}", "vec: [X]}")).replace(
        "groups:\n", "groups:\n  last: {loops: [m], binding: {vec: [Z]}, space: {}, keep: {}}\n", 1)  # fmt: skip
    found = plan(cascade(), mapping(text), design()).groups
    assert {g.group.name: g.leaves for g in found} == {"last": {"Z"}, "all": {"X", "Y"}}


def test_a_plan_is_made_once_for_the_same_documents() -> None:
    c, m, d = cascade(), mapping(), design()
    assert plan(c, m, d) is plan(c, m, d)
    assert plan(c, mapping(), d) is not plan(c, m, d)


@pytest.mark.parametrize("count", [70])
def test_old_plans_are_forgotten(count: int) -> None:
    from archsim import plan as _  # noqa: F401  (the name of the module is that of its function)

    c, d = cascade(), design()
    first = mapping()
    kept = plan(c, first, d)
    for _n in range(count):
        plan(c, mapping(), d)
    assert plan(c, first, d) is not kept and plan(c, first, d).groups[0].leaves == kept.groups[0].leaves
