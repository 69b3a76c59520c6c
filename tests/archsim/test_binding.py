"""Binding: what an Einsum costs on an array, sizes of everything, and what does not go together."""

from dataclasses import replace

import numpy as np
import pytest

from archsim.binding import Binding, bind, settled
from archsim.workload import Workload
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, DESIGN, MAPPING, WORKLOAD, bound, cascade, changed, design, mapping


def costs(operations: str, einsums: str) -> dict[str, tuple[int, dict[str, int]]]:
    """What a point of every Einsum takes on an array with these operations."""
    names = [line.split("[")[0].strip() for line in einsums.splitlines()]
    text = CASCADE.split("einsums:")[0].replace("[Z]", f"[{names[-1]}]") + "einsums: |\n"
    text += "".join(f"  {line.strip()}\n" for line in einsums.splitlines())
    how = changed(MAPPING, ("{pes: [Y], vec: [X, Z]}", f"{{pes: [{', '.join(names)}]}}"), (", vec: {lanes: m0}", ""),
                  ("{near: {B: m1}}", "{}"))  # fmt: skip
    machine = changed(DESIGN, ("{mul+add: mac, mul: mac, add: mac, max: mac}", f"{{{operations}}}"))
    found = bound(how, text, machine)
    return {p.name: (p.cycles, dict(p.actions)) for g in found.groups for p in g.placed}


def refused(*changes: tuple[str, str], of_cascade: str = CASCADE, of_design: str = DESIGN) -> str:
    with pytest.raises(SpecError) as caught:
        bound(changed(MAPPING, *changes), of_cascade, of_design)
    return str(caught.value)


# --- what a point costs -----------------------------------------------------------------------------------------------


def test_fused_operations_go_first() -> None:
    one = "Y[m] = A[m,k] * B[k]"
    assert costs("mul+add: mac, mul: mac, add: mac", one)["Y"] == (1, {"mac": 1})
    assert costs("mul: mac, add: exp", one)["Y"] == (2, {"mac": 1, "exp": 1})
    assert costs("mul+add: 3 mac, mul: mac, add: mac", one)["Y"] == (3, {"mac": 3}), (
        "fused where it can be, not cheaper"
    )


def test_a_subtract_that_goes_with_an_exponential() -> None:
    """FuseMax (MICRO'24): 1 cycle with a unit of its own, 2 one by one, 7 where an exponential is 6 MACs."""
    einsums = "Y[m] = A[m,k] * B[k]\nX[m] = exp(Y[m] - Y[m])"
    rest = "mul+add: mac, "
    assert costs(rest + "sub+exp: mac + exp", einsums)["X"] == (1, {"mac": 1, "exp": 1})
    assert costs(rest + "sub: mac, exp: exp", einsums)["X"] == (2, {"mac": 1, "exp": 1})
    assert costs(rest + "sub: mac, exp: 6 mac", einsums)["X"] == (7, {"mac": 7})


def test_an_operation_is_fused_as_often_as_it_occurs() -> None:
    both = "Y[m] = A[m,k] * B[k]\nX[m] = Y[m] * Y[m] + Y[m] * Y[m] + Y[m]"
    assert costs("mul+add: mac, mul: exp, add: exp", both)["X"] == (2, {"mac": 2})
    third = "Y[m] = A[m,k] * B[k]\nX[m] = Y[m] * Y[m] + Y[m] + Y[m]"
    assert costs("mul+add: mac, mul: mac, add: 4 exp", third)["X"] == (5, {"mac": 1, "exp": 4})


def test_three_operations_fused_need_all_three() -> None:
    einsums = "Y[m] = A[m,k] * B[k]\nX[m] = Y[m] + Y[m] + Y[m]"
    assert costs("mul+add: mac, add+add: exp, add: mac", einsums)["X"] == (1, {"exp": 1})
    assert costs("mul+add: mac, add+add+add: exp, add: mac", einsums)["X"] == (2, {"mac": 2})


def test_a_copy_takes_a_cycle_and_no_action() -> None:
    assert costs("mul+add: mac", "Y[m] = A[m,k] * B[k]\nX[m] = Y[m]")["X"] == (1, {})


def test_reductions_are_operations() -> None:
    assert costs("max: exp", "Y[m] = A[m,k] :: max(k)")["Y"] == (1, {"exp": 1})
    assert costs("add: mac", "Y[m] = A[m,k]")["Y"] == (1, {"mac": 1})


@pytest.mark.parametrize(
    ("operations", "einsum", "missing"),
    [("mul: mac", "Y[m] = A[m,k] * B[k]", "add"), ("add: mac", "Y[m] = A[m,k] * B[k]", "mul"),
     ("mul+add: mac", "Y[m] = A[m,k]", "add"), ("add: mac", "Y[m] = A[m,k] :: max(k)", "max")],
)  # fmt: skip
def test_what_an_array_cannot_do(operations: str, einsum: str, missing: str) -> None:
    with pytest.raises(SpecError) as caught:
        costs(operations, einsum)
    assert f"group all: pes cannot do {missing}, which Y needs" in str(caught.value)


# --- sizes ------------------------------------------------------------------------------------------------------------


def test_names_hold_every_rank_and_parameter() -> None:
    found = bound()
    assert found.names | {"M": 8, "K": 6, "ROWS": 4, "LANES": 2, "ROOM": 1024, "M0": 4} == found.names
    assert found.word_bytes == 2
    y, x, z = found.groups[0].placed
    assert [p.name for p in (y, x, z)] == ["Y", "X", "Z"]
    assert [p.points for p in (y, x, z)] == [48, 8, 8]
    assert (y.array, x.array) == ("pes", "vec")


def test_ranks_of_the_cascade_are_the_last_resort() -> None:
    found = bind(cascade(), Workload(name="w", ranks={"K": 3}), mapping(), design())
    assert (found.names["K"], found.names["M"]) == (3, 1024), "M is known to every workload"
    with pytest.raises(SpecError, match="L has no value"):
        bound(changed(MAPPING, ("M0: ROWS", "M0: ROWS, X: L")))


def test_parameters_may_stand_in_any_order() -> None:
    found = bound(changed(MAPPING, ("M0: ROWS", "M0: X // 2, X: Y1 * 2, Y1: ROWS")))
    assert [found.names[n] for n in ("M0", "X", "Y1")] == [4, 8, 4]


def test_a_circle_of_parameters_is_refused() -> None:
    with pytest.raises(SpecError) as caught:
        bound(changed(MAPPING, ("M0: ROWS", "M0: X, X: M0")))
    assert "X has no value" in str(caught.value) and "M0 has no value" in str(caught.value)


def test_values_win() -> None:
    assert bound(values={"M0": 2}).names["M0"] == 2
    assert bound(values={"M": 16}).groups[0].placed[1].points == 16


def test_arrays_become_floats_so_that_products_do_not_wrap() -> None:
    names = settled(cascade(), replace(WORKLOAD, ranks={"M": np.array([2**40], np.int64), "K": 2}), mapping(), design(),
                    {"M0": np.array([4], np.int32)})  # fmt: skip
    assert names["M"].dtype == names["M0"].dtype == np.float64
    assert type(names["K"]) is int


def test_a_group_keeps_what_leaves_and_what_runs_on() -> None:
    found = bound()
    group = found.groups[0]
    assert group.leaves == frozenset({"Z"})
    assert {t: len(a) for t, a in group.touches.items()} == {"A": 1, "B": 1, "Y": 3, "X": 2, "Z": 1}
    assert all(not variables for variables in group.state.values())


def test_a_running_value_is_known_as_one() -> None:
    text = CASCADE.split("init")[0].split("einsums")[0] + (
        "init: |\n  S[0] = 0\neinsums: |\n  Y[m] = A[m,k] * B[k]\n  S[m+1] = S[m] + Y[m]\n  Z[m] = S[m+1]\n"
    )
    kept = ("{near: {B: m1}}", "{near: {B: m1}, vec: {S: m1}}")
    found = bound(changed(MAPPING, ("vec: [X, Z]", "vec: [S, Z]"), kept), text)
    assert found.groups[0].state["S"] == ("m",)


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("pes: [Y]", "pess: [Y]", "m.yaml:9:15: group all: small has no array pess\n        binding: {pess: [Y], vec: [X, Z]"  # noqa: E501
         "}\n                  ^^^^\n  hint: did you mean pes?"),
        ("pes: [Y]", "pes: [YY]", "tiny has no Einsum YY"),
        ("pes: [Y]", "pes: [Y, X]", "the Einsum X is bound twice, to pes and vec"),
        ("pes: [Y], vec: [X, Z]", "vec: [X, Z, Y]", "pes is no array or Einsum of the group"),
        ("vec: [X, Z]", "vec: [X]", "m.yaml:1:10: the Einsum Z of tiny is bound to no array\n    mapping: tiny\n         "  # noqa: E501
         "    ^^^^\n  hint: name it under `binding`"),
        ("{rows: m0}", "{row: m0}", "m.yaml:10:19: group all: pes has no dimension row\n"),
        ("{rows: m0}", "{rows: m1}", "the loop m1 runs in time and in space"),
        ("keep:", "time: {X: [k]}\n    keep:", "the Einsum X has no variable k"),
        ("keep:", "time: {W: [m]}\n    keep:", "W is not an Einsum of the group"),
        ("keep:", "forward: {W: [Y]}\n    keep:", "W is not an Einsum of the group"),
        ("keep:", "bypass: {W: [Y]}\n    keep:", "W is not an Einsum of the group"),
        ("keep: {near", "keep: {nearr", "small has no memory nearr"),
        ("{B: m1}", "{BB: m1}", "no Einsum of the group touches BB"),
        ("{B: m1}", "{B: m2}", "there is no loop m2\n        keep: {near: {B: m2}}\n                         ^^\n"),
        ("vec: {lanes: m0}", "X: {lanes: m0}, V: {lanes: m0}", "V is no array or Einsum of the group"),
        ("keep:", "schedule: {phases: [{pes: [Y], vec: [X]}]}\n    keep:", "the Einsum Z is in no phase"),
        ("keep:", "schedule: {phases: [{pes: [Y], vec: [X, Z, V]}]}\n    keep:", "V is not an Einsum of the group"),
        ("M0: ROWS", "M1: ROWS", "group all: nothing gives the tile size M0 of m\n"),
    ],
)  # fmt: skip
def test_what_does_not_go_together(old: str, new: str, expected: str) -> None:
    assert expected in refused((old, new))


def test_the_model_takes_a_binding_as_a_value() -> None:
    found = bound()
    assert isinstance(found, Binding) and found.cascade.name == "tiny"
    assert replace(found, names={**found.names, "X": 1}).names["X"] == 1
