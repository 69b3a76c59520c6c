"""The vocabulary is complete: whatever the parser accepts is evaluated, counted, merged and priced."""

import pytest

from einsum_cascade.constants import ARITHMETIC
from einsum_cascade.einsum import INFIX, Apply
from einsum_cascade.errors import SpecError
from einsum_cascade.operators import COST_CLASS, FUNCTIONS, OPERATORS, REDUCTION_OPERATION, REDUCTIONS, SIGNED
from einsum_cascade.parse import COMPARISONS, PRODUCTS, SUMS, parse, parse_expression
from tests import oracle

CLASSES = {"add", "mul", "div", "address", "pow", "cmp", "select", "sqrt", "log", "exp", "none", "engine"}


def test_every_operator_is_either_written_as_a_sign_or_as_a_function() -> None:
    assert set(OPERATORS) == SIGNED | set(FUNCTIONS) and not SIGNED & set(FUNCTIONS)
    assert {*SUMS.values(), *PRODUCTS.values(), *COMPARISONS.values(), "pow", "and"} == set(INFIX)
    assert SIGNED - set(INFIX) == {"neg", "present"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_takes_as_many_arguments_as_it_says(name: str) -> None:
    operator = OPERATORS[name]
    few = operator.at_least or operator.arity
    for count in range(operator.arity + 2):
        text = f"{name}({', '.join(['A[m]'] * count)})"
        if few <= count <= operator.arity:
            node = parse_expression(text)
            assert isinstance(node, Apply) and (node.operator, len(node.arguments)) == (name, count)
        else:
            with pytest.raises(SpecError, match=f"{name} has {count} argument{'s' * (count != 1)}\n"):
                parse_expression(text)


@pytest.mark.parametrize("name", REDUCTIONS)
def test_a_reduction_parses_and_has_an_operation_with_a_cost(name: str) -> None:
    makes = name in ("argtopk", "argsort")
    reduction = parse(f"Z[{'j' * makes}] = A[m] :: {name}(m{', j' * makes})").reductions[0]
    assert (reduction.operator, reduction.into, reduction.by_index) == (name, "j" if makes else None, False)
    assert COST_CLASS[REDUCTION_OPERATION[name]] in CLASSES


def test_cost_classes() -> None:
    assert set(COST_CLASS.values()) == CLASSES
    assert {n for n, c in COST_CLASS.items() if c == "engine"} == {"topk", "sort"}
    assert {n for n, c in COST_CLASS.items() if c == "address"} == {"floordiv", "mod", "gather", "scatter"}
    assert {COST_CLASS[n] for n in ("add", "sub", "neg")} == {"add"}
    assert {COST_CLASS[n] for n in COMPARISONS.values()} == {"cmp"}


def test_merge_rules_are_those_of_the_semantics() -> None:
    merged = {rule: {n for n, o in OPERATORS.items() if o.merge == rule} for rule in ("union", "left")}
    assert merged == {"union": {"add", "max", "min"}, "left": {"sub"}}
    assert set(oracle.NEED_ANY) == merged["union"]


def test_the_oracle_and_the_constants_know_no_other_operators() -> None:
    assert set(oracle.NEED_ALL) | set(oracle.NEED_ANY) | {"sub", "present"} == set(OPERATORS)
    assert set(ARITHMETIC) <= set(OPERATORS)
