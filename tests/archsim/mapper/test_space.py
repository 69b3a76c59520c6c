"""What may be fused, shared, kept and handed on, on cascades whose answers are known."""

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapper.rules import Rules
from archsim.mapper.space import GroupSpace, group_space, problem
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError


def space(cascade: str, *members: str, design: str = "fusemax") -> GroupSpace | None:
    p = problem(load(Cascade, cascade), load(Workload, "bert"), load(Design, design))
    return group_space(p, members or tuple(p.einsums))


def test_one_pass_shares_keys_and_queries() -> None:
    found = space("attention_1pass")
    assert found is not None
    assert (found.shared, found.running) == (("m1", "p"), ("m1",))
    assert found.handed["BQK", "LM"] == "stream"  # each score once, as it is made
    assert found.handed["BQK", "SLN"] == "hold"  # waits for the maximum of its tile
    assert found.handed["RM", "PRM"] == ""  # a running value, of this step and the one before
    assert found.problem.batch == ("b", "h") and found.problem.tiles == ("M0",)


def test_three_passes_share_queries_only() -> None:
    found = space("attention_3pass", design="flat_cloud")
    assert found is not None
    assert found.shared == ("p",)
    assert found.places == {"SN": "QK", "A": "SN"}  # word by word, after the last other reader
    assert found.handed["QK", "SN"] == "" and found.handed["SN", "SD"] == "stream"


def test_single_einsum_may_loop_over_everything() -> None:
    found = space("transformer_linear", "Q")
    assert found is not None and set(found.shared) == {"n", "a", "d"}
    assert found.problem.batch == ()


def test_part_of_a_recurrence() -> None:
    found = space("attention_1pass", "RD", "SPD")
    assert found is not None and found.chains == (("m1", ("SPD", "RD")),)


def test_no_array_can_run_it() -> None:
    given = load(Cascade, "attention_1pass"), load(Workload, "bert"), load(Design, "fusemax")
    with pytest.raises(SpecError, match="no array of fusemax can run the Einsum AV: array_2d cannot do div"):
        problem(*given, Rules(arrays={"AV": ("array_2d",)}))
