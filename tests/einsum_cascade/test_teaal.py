"""TeAAL files: the common subset becomes a cascade, the rest is refused by name."""

import numpy as np
import pytest

from einsum_cascade.cascade import Cascade
from einsum_cascade.count import count
from einsum_cascade.document import read
from einsum_cascade.einsum import show
from einsum_cascade.errors import SpecError
from einsum_cascade.interpret import run
from einsum_cascade.load import read_cascades
from einsum_cascade.teaal import is_teaal

CONVOLUTION = """
einsum:
  declaration:
    F: [S]
    I: [W]
    O: [Q]
    T: [Q, S]
  expressions:
    - T[q, s] = I[2*q + s]
    - O[q] = T[q, s] * F[s]
mapping:
  rank-order:
    F: [S]
  loop-order:
    O: [Q, S]
"""


def teaal(text: str, file: str = "conv.yaml") -> Cascade:
    return read_cascades(text, file)[0]


def message(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        teaal(text, "t.yaml")
    return str(caught.value)


def file(declaration: str, *expressions: str, more: str = "") -> str:
    lines = "".join(f"    - {e}\n" for e in expressions)
    return f"einsum:\n  declaration: {declaration}\n  expressions:\n{lines}{more}"


def test_several_einsums_and_constants_in_indices() -> None:
    made = teaal(CONVOLUTION)
    assert (made.name, set(made.inputs), made.outputs, set(made.declared)) == ("conv", {"F", "I"}, ("O",), {"O", "T"})
    assert [show(s) for s in made.statements] == ["T[q,s] = I[2 * q + s]", "O[q] = T[q,s] * F[s]"]
    assert made.mapping == {"rank-order": {"F": ["S"]}, "loop-order": {"O": ["Q", "S"]}}
    tensors = {"F": np.array([1.0, 2.0, 4.0]), "I": np.arange(9.0)}
    expected = [sum(tensors["I"][2 * q + s] * tensors["F"][s] for s in range(3)) for q in range(4)]
    assert np.asarray(run(made, tensors, sizes={"Q": 4})["O"]).tolist() == expected


def test_coordinates_out_of_range_are_absent() -> None:
    made = teaal(CONVOLUTION)
    counted = count(made, {"Q": 5, "S": 3, "W": 9})
    assert [e.points for e in counted.einsums] == [13, 13]  # 2*4 + 1 and 2*4 + 2 are beyond the last of 9


def test_outputs_are_those_that_nothing_reads() -> None:
    made = teaal(file("{A: [K], B: [], C: [], D: []}", "'B[] = A[k]'", "'C[] = B[]'", "'D[] = B[] * B[]'"))
    assert made.outputs == ("C", "D") and set(made.inputs) == {"A"}


def test_a_size_may_stand_in_a_declaration() -> None:
    made = teaal(file("{A: [K, 4], Z: []}", "'Z[] = A[k, 3]'"))
    assert count(made, {"K": 5}).einsums[0].points == 5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("einsum: 1", True), ("cascade: a\neinsum: 1", False), ("a: 1", False), ("- einsum", False), ("einsum", False)],
)
def test_which_documents_are_teaals(text: str, expected: bool) -> None:
    assert is_teaal(read(text, "f")[0]) is expected


@pytest.mark.parametrize("section", ["format", "architecture", "bindings", "cascade2"])
def test_other_sections(section: str) -> None:
    assert message(file("{A: [K], Z: []}", "'Z[] = A[k]'", more=f"{section}: {{x: 1}}\n")) == (
        f"t.yaml:5:1: TeAAL's section {section} is not supported in a cascade file\n"
        f"    {section}: {{x: 1}}\n    {'^' * len(section)}\n"
        "  hint: only `einsum` and `mapping` are read here; a machine is described in a design file"
    )


@pytest.mark.parametrize(
    "body", ["1", "[]", "{}", "{declaration: {A: [K]}}", "{expressions: []}", "{declaration: [], expressions: []}"]
)
def test_the_body_needs_two_parts(body: str) -> None:
    assert message(f"einsum: {body}").startswith(
        "t.yaml:1:9: TeAAL's `einsum` needs `declaration` (tensor: [ranks]) and `expressions` (a list)\n"
    )


@pytest.mark.parametrize("call", ["take(A[k], B[k], 0)", "dot(A[k], B[k], 1)"])
def test_calls(call: str) -> None:
    found = message(file("{A: [K], B: [K], Z: [K], Y: []}", f"Z[k] = {call}", "'Y[] = C[k]'"))
    assert "t.yaml:4:7: TeAAL's take() and dot() are not supported\n" in found
    assert found.count("t.yaml:") == 1


def test_every_mistake_of_the_form_at_once() -> None:
    found = message(file("{A: K, B: [K], Z: []}", "Z[]: B[k]", "'Z[] = B[k'", "'Z[] = dot(A, B)'", more="spec: 1\n"))
    assert [line.removeprefix("t.yaml:") for line in found.split("\n") if line.startswith("t.yaml")] == [
        "2:20: the declaration of A is not a list",
        "4:7: this list item is not a text (YAML takes `: ` for a mapping)",
        "5:17: unexpected end of line",
        "6:7: TeAAL's take() and dot() are not supported",
        "7:1: TeAAL's section spec is not supported in a cascade file",
    ]


def test_a_form_that_is_right_may_still_be_no_cascade() -> None:
    assert "4:14: unknown tensor B\n" in message(file("{A: [K], Z: []}", "'Z[] = B[k]'"))
    assert "4:14: A has 2 indices here\n" in message(file("{A: [K], Z: []}", "'Z[] = A[k, k]'"))
    assert "k is not a rank" in message(file("{A: [k], Z: []}", "'Z[] = A[k]'"))
    assert "unexpected end of line" in message(file("{A: ['K +'], Z: []}", "'Z[] = A[k]'"))


def test_a_mistake_in_the_declaration_stands_there() -> None:
    assert message(file("{A: [k], Z: []}", "'Z[] = A[k]'")).startswith("t.yaml:2:21: k is not a rank")
