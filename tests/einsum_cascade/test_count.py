"""Counts equal brute-force enumeration, the cost formulas of the cards, and closed forms at sizes beyond 2**63."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.count import count
from einsum_cascade.load import index, load, read_cascades, read_file
from einsum_cascade.parse import parse_expression
from einsum_cascade.reference import make_inputs
from tests import oracle

APPENDIX = sorted((Path(__file__).parent / "appendix").glob("*.yaml"))
HEAD = """
cascade: a
ranks: {M: 7, P: 5, E: 3, J: 2}
vars: {k: M}
params: {M0: 3, M1: (M + M0 - 1)//M0, W: 2}
inputs: {Q: [E, P], K: [E, M]}
"""


def small(*lines: str, more: str = "outputs: [Z]\n") -> Cascade:
    """A cascade of a few lines over Q and K."""
    return read_cascades(HEAD + more + "einsums: |\n" + "".join(f"  {line}\n" for line in lines))[0]


def assert_as_oracle(cascade: Cascade, tensors: dict[str, np.ndarray] | None = None, **sizes: int) -> None:
    """Points of every statement and present words of every tensor, against the walk over all points."""
    given_tensors = tensors if tensors is not None else make_inputs(cascade, sizes, 0)
    expected = oracle.run(cascade, given_tensors, sizes)
    found = count(cascade, sizes, given_tensors)
    statements = [k for k, s in enumerate(cascade.statements) if s.role == "einsum"]
    infinite = any(s.role == "initial" and "inf" in str(s.expression) for s in cascade.statements)
    if infinite:  # counted as executed, treated as absent by the values: see the README
        return
    assert [e.points for e in found.einsums] == [expected.points[k] for k in statements]
    written = {s.name for s in cascade.einsums}
    assert {t: found.words[t] for t in written} == {t: len(expected.values.get(t, ())) for t in written}


conditions = st.lists(
    st.sampled_from(
        ["m <= p", "p - W < m", "m < p + 2", "m % 2 == p % 2", "m//M0 == p//M0", "m != p", "2*m <= 3*p + 1",
         "m + p < 8", "(m + 2*p) % 3 == 1", "m >= 1"]
    ),
    max_size=3,
)  # fmt: skip
tails = st.sampled_from(
    [
        ["L[p] = S[m,p] :: max(m)", "Z[m,p] = exp(S[m,p] - L[p])"],
        ["B[m1,p] = S[m1*M0+2,p] + S[m1*M0,p]", "Z[p] = B[m1,p]"],
        ["R[m+1,p] = max(R[m,p], S[m,p])", "Z[m,p] = S[m,p] - R[m+1,p]"],
        ["R[m+1,p] = S[m,p] + R[m,p]", "Z[p] = R[M,p]"],
        ["T[m,p] = S[m,p] + S[m-1,p+1]", "Z[p] = T[m,p] * S[m,p]"],
        ["B[m1,p] = S[m1*M0+m0,p] :: max(m0)", "R[m1+1,p] = max(R[m1,p], B[m1,p])", "Z[m1,p] = R[m1,p] - R[m1+1,p]"],
        ["IX[j,p] = S[m,p] :: argtopk(m, j)", "Z[j,p] = S[IX[j,p],p]"],
        ["U[m,p] = S[m,p] - V[m,p]", "V[m,p] = U[k,p] * S[m,p] | k < m", "Z[p] = U[m,p]"],
    ]
)


@settings(max_examples=150, deadline=None)
@given(conditions, tails, st.integers(1, 8), st.integers(1, 6))
def test_random_cascades_equal_enumeration(masks: list[str], tail: list[str], m: int, p: int) -> None:
    mask = " | " + " and ".join(masks) if masks else ""
    assert_as_oracle(small(f"S[m,p] = Q[e,p] * K[e,m]{mask}", *tail), M=m, P=p)


@pytest.mark.parametrize("file", APPENDIX, ids=lambda f: f.stem)
def test_the_appendix_equals_enumeration(file: Path) -> None:
    assert_as_oracle(read_file(file)[0])


@pytest.mark.parametrize("name", sorted(index()))
def test_shipped_cascades_equal_enumeration(name: str) -> None:
    cascade = load(Cascade, name)
    small = {"M": 7, "P": 5, "E": 2, "F": 3, "M0": 3, "T": 2, "H": 2, "D": 3, "J": 4, "N": 3, "S": 4}
    known = {*cascade.ranks, *cascade.params}
    assert_as_oracle(cascade, **{n: v for n, v in small.items() if n in known and not _derived(cascade, n)})


def _derived(cascade: Cascade, name: str) -> bool:
    return name in cascade.params and name != "M0"


CARDS = {
    "stable_3pass": {"mul": "M*P*(E+F)", "exp": "M*P", "div": "M*P", "max": "M*P"},
    "flash2_1pass": {"exp": "M*P + M1*P", "div": "F*P", "mul": "M*P*(E+F) + M1*P*(F+1)", "max": "M*P + M1*P"},
    "local_2pass": {"exp": "M*P + M1*P", "div": "M*P", "mul": "M*P*(E+F) + M*P + M1*P"},
    "rabe_staats": {"exp": "M*P + M1*P", "div": "F*P", "mul": "M*P*(E+F) + M1*P*(F+1)"},
    "sliding_window": {"mul": "(P*W - W*(W-1)//2)*(E+F)"},
    "gqa": {"mul": "HK*R*M*P*(E+F)"},
    "mla_absorbed": {"mul": "H*P*E*L + H*M*P*(2*L+X) + H*P*L*F + H*P*F*G"},
    "linear_noncausal": {"mul": "M*E*F + P*E*F + P*E"},
    "linear_causal_recurrent": {"mul": "2*T*E*F + T*E", "div": "F*T"},
    "gla": {"mul": "3*T*E*F"},
    "mamba2_ssd_recurrent": {"mul": "3*H*N*F*T + 2*H*F*T + H*T", "exp": "H*T"},
    "lightning_chunked": {"mul": "(T//I)*((I*(I+1)//2)*(E+F+1) + 2*I*E*F + 2*I*F + E*F)"},
    "delta_chunked": {"mul": "C*((I*(I-1)//2)*(2*E+F+1) + I*(E+F) + (I*(I+1)//2)*(E+F) + 3*I*E*F)"},
    "titans_lmm_linear": {"mul": "6*T*E*F"},
    "aaren_recurrent": {"mul": "M*E + M + 2*M*F", "exp": "2*M", "div": "F*M"},
    "landmark_decode": {"mul": "B*E + T*(I-1)*(E+F) + T*F"},
    "spatten_layer": {"mul": "H*J*P*E + H*T*P*F", "topk": "M + H*J*P"},
    "mnnfast_zero_skip": {"exp": "M*P"},
    "routing_transformer": {"mul": "E*(P+M) + C*E*(P+M) + C*I*J*(E+F)", "topk": "C*(P+M)"},
    "rat": {"mul": "2*C*I*(E+F) + C*(C-1)//2*I*(E+F) + C*I*E + 2*C*I*F"},
}


@pytest.mark.parametrize("name", CARDS)
def test_the_formulas_of_the_cards(name: str) -> None:
    cascade = read_file(next(f for f in APPENDIX if f.stem == name))[0]
    counts = count(cascade)
    for operation, formula in CARDS[name].items():
        assert counts.operations[operation] == evaluate(parse_expression(formula), shape(cascade)), operation


def test_moh_counts_every_head_where_no_density_is_stated_and_the_routed_ones_with_tensors() -> None:
    cascade = read_file(next(f for f in APPENDIX if f.stem == "moh"))[0]
    formula = "P*D*(HR+HS+2) + (HS+LIVE)*(M*P*(E+F) + P*F*D + P*F + 2*P) + P"
    names = shape(cascade)
    assert count(cascade).operations["mul"] == evaluate(parse_expression(formula), {**names, "LIVE": names["HR"]})
    exact = count(cascade, None, make_inputs(cascade, {}, 0))
    assert exact.operations["mul"] == evaluate(parse_expression(formula), {**names, "LIVE": names["T"]})
    assert not exact.bounds


@pytest.mark.parametrize("n", [2**20, 2**40, 2**70])
def test_counts_stay_exact_at_any_size(n: int) -> None:
    counts = count(load(Cascade, "attention_3pass_causal"), {"M": n, "P": n, "E": 64, "F": 64})
    assert counts.operations["exp"] == n * (n + 1) // 2
    assert counts.macs == n * (n + 1) // 2 * 128
    assert counts.unique_words == 4 * 64 * n


SCORE = "S[m,p] = Q[e,p] * K[e,m]"
TESTED = "N[m,p] = exp(S[m,p]) | S[m,p] > 0"


def test_a_stated_density_scales_points_and_words() -> None:
    cascade = small(SCORE, TESTED, "Z[p] = N[m,p] * S[m,p]", more="outputs: [Z]\ndensity: {N: 0.5}\n")
    counts = count(cascade, {"M": 8, "P": 6})
    assert [e.points for e in counts.einsums] == [144, 24, 24]
    assert counts.einsums[1].operations == {"exp": 24, "cmp": 48}
    assert (counts.words["N"], counts.words["Z"]) == (24, 6)
    assert not counts.bounds


def test_without_a_density_the_count_says_that_it_is_a_bound() -> None:
    assert "no density is stated" in count(small(SCORE, TESTED, more="outputs: [N]\n")).bounds["N"]


def test_an_input_counts_as_far_as_it_is_read() -> None:
    view = "outputs: [Z]\nviews: |\n  KK[e,m1] = K[e,m1*M0]\n"
    assert count(small("Z[p] = Q[e,p] * KK[e,m1] | m1 >= 1", more=view)).words["K"] == 3 * 2
