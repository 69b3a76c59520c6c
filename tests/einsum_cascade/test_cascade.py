"""Sizes in any order of definition, cycles, ranks by variable, and the dependency graph."""

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade, graph, rank_names, shape, size
from einsum_cascade.einsum import Constant
from einsum_cascade.errors import SpecError
from einsum_cascade.parse import parse, parse_expression, parse_line


def cascade(text: str = "Z[] = A[k]", inputs: str = "A:K", **fields: object) -> Cascade:
    dims = {name: tuple(map(Constant, ranks)) for name, ranks in (i.split(":") for i in inputs.split())}
    return Cascade(name="c", inputs=dims, statements=tuple(parse_line(text)), **fields)  # type: ignore[arg-type]


def expressions(**texts: object) -> Mapping[str, object]:
    return {name: parse_expression(str(text)) for name, text in texts.items()}


def message(given: Cascade, **sizes: float) -> str:
    with pytest.raises(SpecError) as caught:
        shape(given, sizes)
    return str(caught.value)


@settings(deadline=None)
@given(st.permutations(range(6)), st.integers(1, 1000))
def test_parameters_may_stand_in_any_order(order: list[int], first: int) -> None:
    chain = {"P0": str(first), **{f"P{k}": f"P{k - 1} * 2 + {k}" for k in range(1, 6)}}
    ordered = {name: chain[name] for name in (f"P{k}" for k in order)}
    found = shape(cascade(params=expressions(**ordered)))
    expected = first
    for k in range(1, 6):
        expected = expected * 2 + k
        assert found[f"P{k}"] == expected
    assert list(found) == list(ordered)


def test_an_override_reaches_what_is_derived_and_wins_over_it() -> None:
    made = cascade(ranks=expressions(K=8), params=expressions(K1="K//K0", K0=2, H="K1/2"))
    assert shape(made) == {"K": 8, "K1": 4, "K0": 2, "H": 2}
    assert shape(made, {"K": 12, "K0": 3}) == {"K": 12, "K1": 4, "K0": 3, "H": 2}
    assert shape(made, {"K1": 7}) == {"K": 8, "K1": 7, "K0": 2, "H": 3.5}
    assert shape(made, {"K1": 1, "H": 9}) == {"K": 8, "K1": 1, "K0": 2, "H": 9}


def test_an_input_rank_may_be_given_that_has_no_default() -> None:
    assert shape(cascade()) == {} and shape(cascade(), {"K": 3}) == {"K": 3}


@pytest.mark.parametrize("params", [{"A": "A"}, {"A": "B + 1", "B": "A - 1"}, {"A": "B", "B": "C", "C": "2*A"}])
def test_a_cycle_has_no_value(params: dict[str, str]) -> None:
    with pytest.raises(SpecError) as caught:
        shape(cascade(params=expressions(**params)))
    assert len(caught.value.diagnostics) == len(params)
    assert all("has no value" in d.message for d in caught.value.diagnostics)
    assert shape(cascade(params=expressions(**params)), {"A": 5})["A"] == 5


def test_every_parameter_without_a_value_is_named_at_once() -> None:
    text = message(cascade(params=expressions(X="NX + 1", Y="NY", Z="3")))
    assert "NX has no value" in text and "NY has no value" in text


def test_all_unknown_overrides_are_named() -> None:
    text = message(cascade(ranks=expressions(K=8)), KK=1, ZZ=2)
    assert text == (
        "<text>:1:1: c has no rank or parameter KK\n  hint: did you mean K?\n"
        "<text>:1:1: c has no rank or parameter ZZ\n  hint: known: K"
    )


@pytest.mark.parametrize(("formula", "value"), [("4/8", "0.5"), ("3 - 3", "0"), ("2 - 4", "-2"), ("8.0", "8.0")])
def test_a_rank_derived_to_no_positive_integer(formula: str, value: str) -> None:
    text = message(cascade(params=expressions(K=formula)))
    assert text.split("\n")[0] == f"<text>:1:1: rank K has size {value}"
    assert text.endswith("  expected: a positive integer")


def test_a_parameter_that_is_no_rank_may_be_anything() -> None:
    assert shape(cascade(params=expressions(EPS="1/3", OFF="-4", Z="0")))["OFF"] == -4


def test_rank_names() -> None:
    text = "IX[j] = A[k] :: argtopk(k, j) ; Z[f] = B[IX[j],f] * W[q] | q < p"
    made = cascade(text, "A:K B:KF W:Q C:T", variables={"q": "QQ"})
    assert rank_names(made) == ("K", "J", "F", "QQ", "P", "Q", "T")
    assert (made.rank("q"), made.rank("m0")) == ("QQ", "M0")


def test_size_of_a_variable() -> None:
    made = cascade(stop=expressions(t="T + 1"), variables={"q": "P"})
    assert size(made, "q", {"P": 5}) == 5
    assert size(made, "t", {"T": 3}) == 4  # `stop` wins over the rank
    with pytest.raises(SpecError) as caught:
        size(made, "m0", {"P": 5})
    assert str(caught.value) == (
        "<text>:1:1: rank M0 of variable m0 has no size\n  hint: add M0 to `ranks`, give --shape M0=..., "
        "or say with `vars` over which rank m0 runs"
    )


def test_statements_by_role_and_by_tensor() -> None:
    start = parse_line("R[0] = 0")[0]
    lines = (parse("R[m+1] = R[m] + V[m]"), parse("V[m] = A[m]"), parse("Z[] = R[M]"))
    roles = ("initial", "einsum", "view", "einsum")
    statements = tuple(
        type(s)(target=s.target, expression=s.expression, role=role)
        for s, role in zip((start, *lines), roles, strict=True)
    )
    made = Cascade(name="c", statements=statements)
    assert ([s.name for s in made.initial], [s.name for s in made.views]) == (["R"], ["V"])
    assert [s.name for s in made.einsums] == ["R", "Z"]
    assert [s.role for s in made.definitions("R")] == ["initial", "einsum"]
    assert made.definitions("A") == ()


@settings(deadline=None)  # the first example imports networkx
@given(st.data())
def test_the_graph_has_an_edge_for_every_read(data: st.DataObject) -> None:
    lines, edges = [], set()
    for k in range(data.draw(st.integers(1, 6))):
        sources = data.draw(st.lists(st.sampled_from(["A", "B", *(f"T{j}" for j in range(k))]), min_size=1, max_size=3))
        lines.append(f"T{k}[m] = " + " * ".join(f"{s}[m]" for s in sources))
        edges |= {(s, f"T{k}") for s in sources}
    made = graph(cascade(" ; ".join(lines), "A:M B:M"))
    assert set(made.edges) == edges and set(made) == {"A", "B", *(f"T{k}" for k in range(len(lines)))}


def test_the_graph_sees_gathers_conditions_scatters_and_recurrences() -> None:
    made = graph(cascade("Z[I[j]] = A[J[j]] :: sum(j) | C[j] > 0 ; R[m+1] = R[m] + Z[m]", "A:M I:J J:J C:J"))
    assert set(made.predecessors("Z")) == {"I", "A", "J", "C"}
    assert set(made.successors("R")) == {"R"}
