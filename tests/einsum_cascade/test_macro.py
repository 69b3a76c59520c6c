"""ATTEND: every variant equals softmax attention, however it is tiled, nested, named and masked."""

import numpy as np
import pytest

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.einsum import show
from einsum_cascade.errors import SpecError
from einsum_cascade.interpret import run
from einsum_cascade.load import read_cascades
from einsum_cascade.macro import TILED, VARIANTS
from einsum_cascade.passes import passes
from tests.einsum_cascade.appendix_references import Arrays, softmax

PASSES = {"naive": 2, "lazy": 1, "stable3": 3, "stable2": 2, "local2": 2, "summary": 1, "online1": 1, "fa1": 1}
NAMES = {
    "naive": "SN SD A Z", "lazy": "SN SD NV Z", "stable3": "GM SN SD A Z", "stable2": "GM SN SD NV Z",
    "local2": "LM SLN SLD GM CF SD SN A Z", "summary": "LM SLN SLD SLNV GM CF SD NV Z",
    "online1": "LM RM PRM SLN SLD SLNV SPD RD SPNV RNV Z", "fa1": "LM SLN SLD RM PRM SLNV PL RD RO Z",
}  # fmt: skip
SIZES = {"M": 7, "N": 3, "P": 4, "F": 2, "E": 3}
SHAPES = {
    "S": "MP",
    "T": "MP",
    "V": "FM",
    "W": "FM",
    "Q": "EP",
    "K": "EM",
    "SM": "MNP",
    "VM": "FMN",
    "B": "NM",
    "C": "FP",
}


def attend(
    *lines: str, variant: str = "", more: str = "", inputs: dict[str, str] = SHAPES, outputs: str = "Z"
) -> Cascade:
    text = "cascade: a\n" + (f"variant: {variant}\n" if variant else "") + f"ranks: {SIZES}\n".replace("'", "")
    text += "inputs: {" + ", ".join(f"{t}: [{', '.join(d)}]" for t, d in inputs.items()) + f"}}\noutputs: [{outputs}]\n"
    return read_cascades(text + more + "einsums: |\n" + "".join(f"  {line}\n" for line in lines))[0]


def tensors(cascade: Cascade, inputs: dict[str, str] = SHAPES) -> Arrays:
    rng = np.random.default_rng(len(inputs))
    return {t: rng.normal(size=[SIZES[r] for r in inputs[t]]) for t in cascade.inputs}


def message(*lines: str, **fields: str) -> str:
    with pytest.raises(SpecError) as caught:
        attend(*lines, **fields)  # type: ignore[arg-type]
    return str(caught.value)


def plain(t: Arrays, s: str = "S", v: str = "V") -> np.ndarray:
    return t[v] @ softmax(t[s], 0)


def assert_is(cascade: Cascade, expected: np.ndarray, given: Arrays, **sizes: int) -> None:
    np.testing.assert_allclose(run(cascade, given, sizes=sizes)["Z"], expected, rtol=1e-12, atol=1e-12)


ONE = "Z[f,p] = ATTEND(m; S[m,p], V[f,m])"


@pytest.mark.parametrize("variant", VARIANTS)
class TestEachVariant:
    def test_names_and_passes(self, variant: str) -> None:
        made = attend(ONE, variant=variant, more="seq: [m]\n")
        assert [s.name for s in made.einsums] == NAMES[variant].split()
        assert made.sequence == (("m1", "m0") if variant in TILED else ("m",))
        assert passes(made).passes == PASSES[variant]
        assert not made.initial  # absent at the start, so that masked leading tiles are right

    @pytest.mark.parametrize("tile", [1, 2, 3, 7, 8])
    def test_two_attends_in_one_file(self, variant: str, tile: int) -> None:
        made = attend("Y[f,p] = ATTEND(m; S[m,p], V[f,m])", "Z[f,p] = ATTEND(m; T[m,p] * 2, W[f,m])", variant=variant,
                      more=f"params: {{M0: {tile}}}\n", outputs="Z, Y")  # fmt: skip
        names = [s.name for s in made.einsums]
        assert len(set(names)) == len(names)
        assert [n for n in names if n.endswith("_Z")] and not [n for n in names if n.endswith("_Y")]
        t = tensors(made)
        assert_is(made, t["W"] @ softmax(2 * t["T"], 0), t)
        np.testing.assert_allclose(run(made, t)["Y"], plain(t), rtol=1e-12)

    @pytest.mark.parametrize("condition", ["", " | m <= p + 1 and n != 1"])
    def test_several_reduced_variables(self, variant: str, condition: str) -> None:
        made = attend(f"Z[f,p] = ATTEND(m,n; SM[m,n,p], VM[f,m,n]){condition}", variant=variant,
                      more="params: {M0: 2}\n")  # fmt: skip
        t = tensors(made)
        m, n, p = np.ogrid[:7, :3, :4]
        mask = (m <= p + 1) & (n != 1) if condition else np.ones((7, 3, 4), bool)
        weights = softmax(t["SM"].reshape(21, 4), 0, mask.reshape(21, 4))
        assert_is(made, t["VM"].reshape(2, 21) @ weights, t)

    def test_inside_a_larger_expression(self, variant: str) -> None:
        made = attend("Z[f,p] = C[f,p] - 2 * ATTEND(m; S[m,p], V[f,m]) / 4", variant=variant, more="params: {M0: 3}\n")
        t = tensors(made)
        assert {"Z_ATT"} <= {s.name for s in made.einsums}
        assert_is(made, t["C"] - plain(t) / 2, t)

    def test_score_and_value_may_be_expressions(self, variant: str) -> None:
        made = attend("Z[f,p] = ATTEND(m; Q[e,p] * K[e,m], V[f,m] * 0.123456789 - (-2)**2)", variant=variant,
                      more="params: {M0: 2}\n")  # fmt: skip
        t = tensors(made)
        assert ("BQK" if variant in TILED else "QK") in {s.name for s in made.einsums}
        assert_is(made, (t["V"] * 0.123456789 - 4) @ softmax(t["K"].T @ t["Q"], 0), t)

    def test_queries_without_keys_are_absent(self, variant: str) -> None:
        made = attend(ONE + " | m < p", variant=variant, more="params: {M0: 2}\n")
        values, there = run(made, tensors(made), presence=True)["Z"]
        assert there is not None and there.tolist() == [[False, True, True, True]] * 2
        assert not values[:, 0].any()

    def test_the_default_tile_and_the_number_of_steps(self, variant: str) -> None:
        names = shape(attend(ONE, variant=variant), {"M": 300})
        assert {k: names.get(k) for k in ("M0", "M1")} == (
            {"M0": 128, "M1": 3} if variant in TILED else {"M0": None, "M1": None}
        )

    def test_a_vector_of_queries_is_not_needed(self, variant: str) -> None:
        made = attend("Z[] = ATTEND(m; S[m,2], V[1,m])", variant=variant, more="params: {M0: 2}\n")
        t = tensors(made)
        assert_is(made, (t["V"] @ softmax(t["S"], 0))[1, 2], t)


def test_given_tiles_are_used_as_given() -> None:
    for more in ("params: {M0: 2}\n", "params: {M0: 2, M1: 4}\n", "params: {M1: 4, M0: M//3}\n"):
        made = attend(ONE, variant="online1", more=more)
        assert (shape(made)["M0"], shape(made)["M1"]) == (2, 4)
        t = tensors(made)
        assert_is(made, plain(t), t)
    assert shape(attend(ONE, variant="fa1", more="params: {M1: 4}\n"))["M0"] == 128


def test_the_sequence_is_rewritten_in_place_and_once() -> None:
    made = attend(ONE, "Y[p] = Z[f,p]", variant="online1", more="seq: [p, m]\n")
    assert made.sequence == ("p", "m1", "m0")
    twice = attend(ONE, "Y[f,p] = ATTEND(m; T[m,p], W[f,m])", variant="fa1", more="seq: [m]\n")
    assert twice.sequence == ("m1", "m0") and list(twice.params) == ["M0", "M1"]


def test_a_variable_of_another_rank_is_tiled_over_that_rank() -> None:
    made = attend("Z[f,p] = ATTEND(q; S[q,p], V[f,q])", variant="summary", more="vars: {q: M}\nparams: {Q0: 3}\n")
    assert shape(made)["Q1"] == 3
    t = tensors(made)
    assert_is(made, plain(t), t)


def test_the_variant_by_default_is_stable3() -> None:
    assert attend(ONE).statements == attend(ONE, variant="stable3").statements
    assert [show(s) for s in attend(ONE).statements] == [
        "GM[p] = S[m,p] :: max(m)", "SN[m,p] = exp(S[m,p] - GM[p])", "SD[p] = SN[m,p]", "A[m,p] = SN[m,p] / SD[p]",
        "Z[f,p] = A[m,p] * V[f,m]",
    ]  # fmt: skip


def test_without_attend_nothing_changes() -> None:
    assert [show(s) for s in attend("Z[f,p] = C[f,p]", variant="online1").statements] == ["Z[f,p] = C[f,p]"]


def test_everything_generated_has_the_place_of_the_macro() -> None:
    made = attend(ONE, variant="online1")
    assert {(s.place.line, s.place.column, s.place.length) for s in made.statements} == {(7, 12, 25)}


@pytest.mark.parametrize("taken", ["SN", "QK", "A", "GM"])
def test_names_that_are_taken_get_the_result_behind(taken: str) -> None:
    made = attend("Z[f,p] = ATTEND(m; S[m,p], V[f,m])", f"{taken}[p] = S[m,p]")
    assert [s.name for s in made.einsums] == ["GM_Z", "SN_Z", "SD_Z", "A_Z", "Z", taken]


def test_a_result_may_have_the_name_of_a_generated_tensor() -> None:
    made = attend("A[f,p] = ATTEND(m; S[m,p], V[f,m])", outputs="A")
    assert [s.name for s in made.einsums][-2:] == ["A_A", "A"]


def test_a_score_called_qk_is_read_as_it_is() -> None:
    shapes = {"QK": "MP", "V": "FM"}
    made = attend("Z[f,p] = ATTEND(m; QK[m,p], V[f,m])", inputs=shapes)
    assert_is(made, plain(t := tensors(made, shapes), "QK"), t)


@pytest.mark.parametrize(("score", "value"), [("SN", "V"), ("GM", "V"), ("S", "A"), ("S", "SD")])
def test_operands_may_have_the_names_of_generated_tensors(score: str, value: str) -> None:
    shapes = {score: "MP", value: "FM"}
    made = attend(f"Z[f,p] = ATTEND(m; {score}[m,p], {value}[f,m])", inputs=shapes)
    assert_is(made, plain(t := tensors(made, shapes), score, value), t)


def test_two_attends_in_one_statement() -> None:
    made = attend("Z[f,p] = ATTEND(m; S[m,p], V[f,m]) + ATTEND(m; T[m,p], W[f,m])")
    assert_is(made, plain(t := tensors(made)) + plain(t, "T", "W"), t)


def test_a_condition_masks_a_nested_attend_too() -> None:
    made = attend("Z[f,p] = 2 * ATTEND(m; S[m,p], V[f,m]) | m <= p")
    t = tensors(made)
    assert_is(made, 2 * t["V"] @ softmax(t["S"], 0, np.arange(7)[:, None] <= np.arange(4)), t)


def test_what_is_reduced_around_a_nested_attend_is_reduced_last() -> None:
    made = attend("Z[p] = exp(ATTEND(m; S[m,p], V[f,m]))")
    assert_is(made, np.exp(plain(t := tensors(made))).sum(0), t)


def test_an_attend_inside_the_value_of_another() -> None:
    made = attend("Z[f,p] = ATTEND(m; S[m,p], ATTEND(n; B[n,m], VM[f,0,n]))")
    t = tensors(made)
    assert_is(made, (t["VM"][:, 0, :] @ softmax(t["B"], 0)) @ softmax(t["S"], 0), t)


def test_an_attend_in_a_condition_is_refused() -> None:
    assert "ATTEND" in message("Z[f,p] = C[f,p] | ATTEND(m; S[m,p], V[f,m]) > 1")


@pytest.mark.parametrize("condition", ["p < 2", "f == 1"])
def test_conditions_on_what_is_kept(condition: str) -> None:
    made = attend(f"Z[f,p] = 3 + ATTEND(m; S[m,p], V[f,m]) | {condition}")
    t = tensors(made)
    f, p = np.ogrid[:2, :4]
    assert_is(made, np.where(p < 2 if "p" in condition else f == 1, 3 + plain(t), 0), t)


def test_mistakes() -> None:
    assert message(ONE, variant="onlin1") == (
        "<text>:2:10: unknown variant onlin1\n    variant: onlin1\n             ^^^^^^\n"
        "  expected: one of naive, lazy, stable3, stable2, local2, summary, online1, fa1\n  hint: did you mean online1?"
    )
    assert message("Z[p] = ATTEND(m; S[m,p], V[f,m]) :: max(f)") == (
        "<text>:6:39: ATTEND takes no reduction\n      Z[p] = ATTEND(m; S[m,p], V[f,m]) :: max(f)\n"
        "                                          ^^^^^^\n  hint: it reduces the variables before the semicolon"
    )
    assert "n is attended over but does not occur in the score" in message("Z[f,p] = ATTEND(m,n; S[m,p], V[f,m])")
    both = message("Z[m,p] = ATTEND(m,n; S[m,p], V[0,m])", variant="fa1")
    assert "m is attended over and stands in the target too" in both and "n is attended over but" in both


def test_two_definitions_of_one_tensor() -> None:
    assert "Z[f,p] is defined a second time" in message(ONE, "Z[f,p] = ATTEND(m; T[m,p], W[f,m])")
