"""A machine in loops of plain Python, rounding by fractions, against the interpreter: value for value, bit for bit.

Between two roundings stand float64, or float32 for what is no sum; sums are those of a fused multiply-accumulate,
rounded once a step.
"""

import math
from fractions import Fraction

import array_api_compat.numpy as xp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from einsum_cascade import read_cascades
from einsum_cascade.interpret import run
from einsum_cascade.numerics.formats import number_format, round_to
from einsum_cascade.numerics.rounding import Rounding
from einsum_cascade.numerics.rules import Numerics, RuleForm

TEXT = """
cascade: small
ranks: {P: 2, M: 5, E: 3, F: 2}
inputs: {Q: [E, P], K: [E, M], V: [F, M]}
outputs: [Z]
init: |
  R[0,p] = 0
einsums: |
  S[m,p] = Q[e,p] * K[e,m] | m <= p + 3
  G[p] = S[m,p] :: max(m)
  W[m,p] = exp(S[m,p] - G[p])
  R[m+1,p] = R[m,p] + W[m,p]
  D[p] = W[m,p]
  N[f,p] = W[m,p] * V[f,m]
  T[p] = R[M,p] * 0.5 + D[p] * 0.5
  Z[f,p] = N[f,p] / T[p]
"""
CASCADE = read_cascades(TEXT)[0]
NAMES = ("S", "G", "W", "R", "D", "N", "T", "Z")
FLOATS = {"e4m3": (4, 3, True), "e5m2": (5, 2, True), "fp16": (5, 10, False), "bf16": (8, 7, False),
          "tf32": (8, 10, False), "fp32": (8, 23, False)}  # fmt: skip
FIXED = {"q4.8": (12, 8), "q3.4": (7, 4)}
WORDS = st.sampled_from([*FLOATS, *FIXED])


def rounded(name: str, x: float) -> float:
    """Round to nearest, ties to even, in exact arithmetic."""
    if math.isnan(x) or name in ("exact", "fp64"):
        return x
    if name in FIXED:
        width, behind = FIXED[name]
        most = 2 ** (width - 1) - 1
        whole = most if math.isinf(x) else min(most, round(abs(Fraction(x)) * 2**behind))
        return math.copysign(whole * 2.0**-behind, x)
    exponent, fraction, saturates = FLOATS[name]
    bias = 2 ** (exponent - 1) - 1
    largest = 448.0 if name == "e4m3" else (2 - 2.0**-fraction) * 2.0**bias
    beyond = largest if saturates else math.inf
    if math.isinf(x):
        return math.copysign(beyond, x)
    quantum = Fraction(2) ** (max(math.frexp(x)[1] - 1, 1 - bias) - fraction)
    size = round(abs(Fraction(x)) / quantum) * quantum
    return math.copysign(float(size) if size <= largest else beyond, x)


class Machine:
    """Einsums in loops: operands rounded as they are read, sums after every `block` products, results when stored."""

    def __init__(self, numerics: Numerics, word: str, single: bool) -> None:
        self.numerics, self.word, self.own = numerics, word, "fp32" if single else "fp64"

    def step(self, x: float) -> float:
        """Round what an operation inside an Einsum gives to the type in which it computes."""
        return rounded(self.own, x)

    def rule(self, einsum: str) -> tuple[str, str, str]:
        """Return the names of the input, accumulate and output formats."""
        rule = self.numerics.einsums.get(einsum, RuleForm())
        names = (rule.input, rule.accumulate or self.numerics.accumulate, rule.output)
        return tuple(self.word if n == "word" else n for n in names)  # type: ignore[return-value]

    def read(self, einsum: str, x: float) -> float:
        return rounded(self.rule(einsum)[0], x)

    def store(self, einsum: str, x: float) -> float:
        return rounded(self.rule(einsum)[2], x)

    def total(self, einsum: str, terms: list[float]) -> float:
        result, block = 0.0, self.numerics.block
        for k in range(0, len(terms), block):
            some = terms[k : k + block]
            part = math.fsum(some) if all(map(math.isfinite, some)) else sum(some)
            result = rounded(self.rule(einsum)[1], result + part)
        return result


def by_hand(numerics: Numerics, word: str, tensors: dict[str, np.ndarray], single: bool) -> dict[str, np.ndarray]:
    """The cascade above, Einsum by Einsum, coordinate by coordinate."""
    on = Machine(numerics, word, single)
    kind = np.float32 if single else np.float64
    q, k, v = (np.vectorize(lambda x: rounded(word, x), otypes=[float])(tensors[n]) for n in "QKV")
    (e, p), (f, m) = q.shape, v.shape
    seen = [[j <= i + 3 for i in range(p)] for j in range(m)]
    out = {"S": np.zeros((m, p)), "G": np.zeros(p), "W": np.zeros((m, p)), "R": np.zeros((m + 1, p)), "D": np.zeros(p),
           "N": np.zeros((f, p)), "T": np.zeros(p), "Z": np.zeros((f, p))}  # fmt: skip
    for i in range(p):
        live = [j for j in range(m) if seen[j][i]]
        for j in live:
            out["S"][j, i] = on.store(
                "S", on.total("S", [on.read("S", q[x, i]) * on.read("S", k[x, j]) for x in range(e)])
            )
        out["G"][i] = on.store("G", max(on.read("G", out["S"][j, i]) for j in live))
        for j in live:
            difference = on.step(on.read("W", out["S"][j, i]) - on.read("W", out["G"][i]))
            out["W"][j, i] = on.store("W", float(np.exp(kind(difference))))
        for j in range(m):
            more = on.read("R", out["W"][j, i]) if seen[j][i] else 0.0
            before = on.read("R", out["R"][j, i])
            out["R"][j + 1, i] = on.store("R", on.step(before + more))
        out["D"][i] = on.store(
            "D", on.total("D", [on.read("D", out["W"][j, i]) if seen[j][i] else 0.0 for j in range(m)])
        )
        for y in range(f):
            terms = [on.read("N", out["W"][j, i]) * on.read("N", v[y, j]) if seen[j][i] else 0.0 for j in range(m)]
            out["N"][y, i] = on.store("N", on.total("N", terms))
        halves = [on.step(on.read("T", x) * 0.5) for x in (out["R"][m, i], out["D"][i])]
        out["T"][i] = on.store("T", on.step(sum(halves)))
        for y in range(f):
            over, under = on.read("Z", out["N"][y, i]), on.read("Z", out["T"][i])
            out["Z"][y, i] = on.store("Z", on.step(float(np.divide(over, under))))
    return out


def rules(accumulate: list[str]) -> st.SearchStrategy[dict[str, RuleForm]]:
    """Rules of some Einsums, with these formats of sums."""
    one = st.builds(RuleForm, input=st.one_of(st.just("word"), WORDS), output=st.one_of(st.just("word"), WORDS),
                    accumulate=st.one_of(st.none(), st.sampled_from(accumulate)))  # fmt: skip
    return st.dictionaries(st.sampled_from(NAMES), one, max_size=4)


NARROW = ["e4m3", "e5m2", "fp16", "bf16", "tf32", "q4.8"]  # sums in float32 itself have the array library's order


@pytest.mark.parametrize("single", [False, True])
@given(data=st.data(), word=WORDS, block=st.integers(1, 3), seed=st.integers(0, 2**16),
       scale=st.sampled_from([1.0, 4.0, 30.0, 1e-3]))  # fmt: skip
@settings(max_examples=40, deadline=None)
def test_every_einsum(single: bool, data: st.DataObject, word: str, block: int, seed: int, scale: float) -> None:
    sums = NARROW if single else [*NARROW, "fp32", "exact"]
    numerics = Numerics(word=number_format(word), accumulate=data.draw(st.sampled_from(sums)), block=block,
                        einsums=data.draw(rules(sums)))  # fmt: skip
    random = np.random.default_rng(seed)
    tensors = {n: random.normal(size=s) * (scale if n == "Q" else 1) for n, s in
               {"Q": (3, 2), "K": (3, 5), "V": (2, 5)}.items()}  # fmt: skip
    if single:
        tensors = {n: t.astype(np.float32) for n, t in tensors.items()}
    with np.errstate(all="ignore"):
        found = run(CASCADE, tensors, arithmetic=Rounding.of(numerics, CASCADE.einsums), keep=NAMES)
        wanted = by_hand(numerics, word, tensors, single)
    for name in NAMES:
        assert np.asarray(found[name]).dtype == tensors["Q"].dtype
        np.testing.assert_array_equal(np.asarray(found[name]), wanted[name], err_msg=name)


def test_a_step_of_an_accumulator_is_rounded_once() -> None:
    # the sum is 2**-31 below a tie of fp16; float32 would take it for the tie, and that to the even neighbour above
    odd, up, down = 1 + 2.0**-10, 2.0**-6 * (1 + 2.0**-10), 2.0**-5 * (1 - 2.0**-10)
    a, b = np.asarray([[odd, up]], dtype=np.float32), np.asarray([[1.0], [down]], dtype=np.float32)
    adder = Rounding.of(Numerics(word=number_format("fp16"), accumulate="fp16"), CASCADE.einsums).adder("S")
    assert adder is not None and float(adder.matmul(xp, a, b)[0, 0]) == odd == rounded("fp16", odd + up * down)
    assert float(np.float16(np.float32(odd + up * down))) == 1 + 2.0**-9


@given(st.sampled_from([*FLOATS, *FIXED]), st.floats(allow_nan=False))
def test_rounding_by_fractions(name: str, x: float) -> None:
    with np.errstate(all="ignore"):
        found = float(np.asarray(round_to(xp, np.asarray([x]), number_format(name)))[0])
    assert found == rounded(name, x) and math.copysign(1, found) == math.copysign(1, rounded(name, x))
