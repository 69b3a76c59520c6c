from pathlib import Path

import numpy as np
import pytest

from archsim.memory import peak_memory
from einsum_cascade import Cascade, SpecError, load, read_cascades, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import show
from einsum_cascade.interpret import run
from einsum_cascade.operators import FUNCTIONS, OPERATORS
from einsum_cascade.shapes import tensor_shapes
from tests import oracle
from tests.einsum_cascade.appendix_references import REFERENCES, Arrays, softmax

APPENDIX = {c.name: c for f in sorted((Path(__file__).parent / "appendix").glob("*.yaml"))
            for c in [load(Cascade, str(f))]}  # fmt: skip
VARIANTS = ("naive", "lazy", "stable3", "stable2", "local2", "summary", "online1", "fa1")
TOLERANCE = 1e-12


def inputs(cascade: Cascade, seed: int = 0, **sizes: int) -> Arrays:
    names, rng = shape(cascade, sizes), np.random.default_rng(seed)
    return {name: rng.normal(size=[int(evaluate(d, names)) for d in dims]) for name, dims in cascade.inputs.items()}


def error(found: np.ndarray, expected: np.ndarray) -> float:
    return float(np.abs(found - expected).max() / max(np.abs(expected).max(), 1e-300))


def cascade(text: str, head: str = "inputs: {A: [I, J], B: [J, K], C: [K]}", outputs: str = "Z") -> Cascade:
    lines = "".join(f"\n  {line.strip()}" for line in text.strip().splitlines())
    return read_cascades(f"cascade: c\n{head}\noutputs: [{outputs}]\neinsums: |{lines}\n")[0]


def assert_as_oracle(c: Cascade, tensors: Arrays, tolerance: float = TOLERANCE, **sizes: int) -> None:
    """Every tensor, kept whole; and the outputs alone, when only slices are kept: values and presence."""
    expected = oracle.run(c, tensors, sizes)
    ranks = {d.name: n for name, dims in c.inputs.items() for d, n in zip(dims, tensors[name].shape, strict=True)
             if hasattr(d, "name")}  # fmt: skip
    shapes = tensor_shapes(c, shape(c, {**ranks, **sizes}))
    for keep in ([s.name for s in c.statements], []):
        for name, (values, mask) in run(c, tensors, sizes=sizes, keep=keep, presence=True).items():
            number, there = oracle.dense(expected, name, shapes[name])
            assert np.array_equal(np.ones_like(there) if mask is None else mask, there), name
            np.testing.assert_allclose(values, number, rtol=tolerance, atol=tolerance, err_msg=name)


# --- the appendix of the specification ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", APPENDIX)
def test_appendix_equals_its_dense_reference(name: str) -> None:
    c = APPENDIX[name]
    for seed in range(3):
        tensors = inputs(c, seed)
        found = run(c, tensors)
        for output, expected in REFERENCES[name](tensors, shape(c)).items():
            assert error(found[output], expected) < TOLERANCE, output


@pytest.mark.parametrize("name", APPENDIX)
def test_appendix_equals_the_oracle(name: str) -> None:
    assert_as_oracle(APPENDIX[name], inputs(APPENDIX[name]))


@pytest.mark.parametrize("name", APPENDIX)
def test_appendix_in_batches(name: str) -> None:
    c = APPENDIX[name]
    several = [inputs(c, seed) for seed in range(6)]
    stacked = {k: np.stack([t[k] for t in several]).reshape(2, 3, *several[0][k].shape) for k in several[0]}
    found = run(c, stacked)
    for n, tensors in enumerate(several):
        for output, expected in run(c, tensors).items():
            assert error(found[output][n // 3, n % 3], expected) < TOLERANCE


# --- the macro: pattern x variant -----------------------------------------------------------------------------------

ATTEND = """
cascade: attend
variant: {variant}
ranks: {{M: 13, P: 13, E: 4, F: 3}}
params: {{W: 3, CH: 5, D: 3, M0: {tile}}}
inputs: {{Q: [E, P], K: [E, M], V: [F, M]}}
outputs: [AV]
einsums: AV[f,p] = ATTEND(m; Q[e,p] * K[e,m], V[f,m]) {mask}
"""
GROUPED = """
cascade: attend
variant: {variant}
ranks: {{M: 13, P: 5, E: 4, F: 3, H: 2, R: 3}}
params: {{M0: {tile}}}
inputs: {{Q: [H, R, E, P], K: [H, E, M], V: [H, F, M]}}
outputs: [AV]
einsums: AV[h,r,f,p] = ATTEND(m; Q[h,r,e,p] * K[h,e,m], V[h,f,m])
"""
m, p = np.ogrid[:13, :13]
PATTERNS = {
    "full": ("", np.ones((13, 13), bool)),
    "causal": ("| m <= p", m <= p),
    "window": ("| p-W < m and m <= p", (p - 3 < m) & (m <= p)),
    "chunked": ("| m//CH == p//CH and m <= p", (m // 5 == p // 5) & (m <= p)),
    "dilated": ("| (p-m) % D == 0 and m <= p", ((p - m) % 3 == 0) & (m <= p)),
    "partly masked": ("| p-W < m and m < p", (p - 3 < m) & (m < p)),
}


@pytest.mark.parametrize("tile", (2, 4, 13))
@pytest.mark.parametrize("variant", VARIANTS)
class TestAttend:
    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_patterns(self, variant: str, pattern: str, tile: int) -> None:
        text, mask = PATTERNS[pattern]
        c = read_cascades(ATTEND.format(variant=variant, tile=tile, mask=text))[0]
        tensors = inputs(c)
        expected = tensors["V"] @ softmax(tensors["K"].T @ tensors["Q"], 0, mask)
        values, there = run(c, tensors, presence=True)["AV"]
        assert error(values, expected) < TOLERANCE
        assert np.array_equal(np.ones_like(values, bool) if there is None else there, expected != 0)

    def test_grouped_queries(self, variant: str, tile: int) -> None:
        c = read_cascades(GROUPED.format(variant=variant, tile=tile))[0]
        t = inputs(c)
        a = softmax(np.einsum("hrep,hem->hrmp", t["Q"], t["K"]), 2)
        assert error(run(c, t)["AV"], np.einsum("hrmp,hfm->hrfp", a, t["V"])) < TOLERANCE


@pytest.mark.parametrize("tile", (2, 4, 13))
@pytest.mark.parametrize("variant", VARIANTS[2:])
def test_no_argument_of_exp_is_positive(variant: str, tile: int) -> None:
    c = read_cascades(ATTEND.format(variant=variant, tile=tile, mask="| m <= p"))[0]
    seen: list[float] = []

    def observe(einsum: str, operator: str, argument: np.ndarray, mask: np.ndarray | None) -> None:
        assert operator == "exp" and einsum
        there = argument if mask is None else argument[np.broadcast_to(mask, argument.shape)]
        seen.append(there.max(initial=-np.inf))

    found = run(c, {name: 30 * t for name, t in inputs(c).items()}, observe=observe)
    assert seen and max(seen) <= 0 and np.isfinite(found["AV"]).all()


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("name", ("online1", "fa1"))
def test_literal_initial_values_are_right_where_leading_tiles_are_masked(name: str, pattern: str) -> None:
    text, mask = PATTERNS[pattern]
    c = read_cascades(ATTEND.format(variant=name, tile=2, mask=text))[0]
    plain = "".join(f"\n  {line}" for line in map(show, c.statements))
    state = "RNV" if name == "online1" else "RO"
    index = next(s.target for s in c.statements if s.name == state)
    start = f"{state}[{','.join('0' if len(i) > 1 else i for i in map(show, index.indices))}] = 0"
    literal = read_cascades(
        "cascade: literal\nranks: {M: 13, P: 13, E: 4, F: 3}\nparams: {W: 3, CH: 5, D: 3, M0: 2, M1: (M+M0-1)//M0}\n"
        "inputs: {Q: [E, P], K: [E, M], V: [F, M]}\noutputs: [AV]\n"
        f"init: |\n  RM[0,p] = -inf\n  RD[0,p] = 0\n  {start}\neinsums: |{plain}\n"
    )[0]
    tensors = inputs(c)
    found = run(literal, tensors)["AV"]
    assert error(found, tensors["V"] @ softmax(tensors["K"].T @ tensors["Q"], 0, mask)) < TOLERANCE


# --- single features ------------------------------------------------------------------------------------------------

SMALL = {"A": np.arange(12.0).reshape(3, 4) - 5, "B": np.cos(np.arange(20.0)).reshape(4, 5), "C": np.arange(5.0) % 3}
FEATURES = {
    "map": "Z[i,j] = 2 * A[i,j] - i / (j + 1)",
    "matmul": "Z[k,i] = A[i,j] * B[j,k]",
    "three factors": "Z[i] = A[i,j] * B[j,k] * C[k]",
    "outer product": "Z[i,k] = A[i,j] * C[k]",
    "denominator kept": "Z[i,k] = A[i,j] * B[j,k] / (C[k] + 1) / 4",
    "denominator summed": "Z[i] = A[i,j] * B[j,k] / (C[k] + 1)",
    "sum of products": "Z[i,k] = A[i,j] * B[j,k] + A[i,j] * C[k] - B[j,k] * C[k]",
    "sum then max": "Z[] = A[i,j] * B[j,k] :: max(i), min(k)",
    "max then sum": "Z[] = A[i,j] :: max(i), sum(j)",
    "product": "Z[i] = A[i,j] :: prod(j)",
    "count": "Z[i] = 1 | j < i",
    "causal": "Z[j] = A[i,j] | i <= j",
    "causal product": "Z[i,k] = A[i,j] * B[j,k] | j < i and k != i",
    "mask over all": "Z[k] = A[i,j] * B[j,k] | (i + j + k) % 3 == 0",
    "diagonal": "Z[i] = A[i,i]",
    "shifted": "Z[i,j] = A[i-1,j+1]",
    "reversed": "Z[i,j] = A[2-i,3-j]",
    "strided": "Z[k] = A[1,2*k]",
    "windowed": "Z[i,j] = A[i,j+k-1]",
    "constant index": "Z[j] = A[1,j] + A[I-1,j] + A[I,j]",
    "union": "Z[i,j] = A[i,j] + A[i-1,j] - A[i,j-2]",
    "maximum": "Z[i,j] = max(A[i,j], A[i-1,j], A[i,j+1])",
    "where": "Z[i,j] = where(A[i,j] < 0 and i < 2, -A[i,j], j)",
    "data-dependent": "Z[i] = A[i,j] * B[j,k] | B[j,k] > 0",
    "absent in a condition": "Z[i,j] = A[i,j] | A[i-1,j] < 3",
    "written shifted": "Z[i+2,2*j] = A[i,j]",
    "written reversed": "Z[2-i,j] = A[i,j]",
    "joined axes": "Z[i*J+j] = A[i,j]",
    "out of range when written": "Z[i-1,j] = A[i,j]",
    "pieces": "Z[j] = A[0,j]\nZ[J+k] = C[k]",
    "pieces by condition": "Z[i,j] = A[i,j] | i <= j\nZ[i,j] = -i | i > j",
    "argmax": "Z[j] = A[i,j] * A[i,j] :: argmax(i)",
    "top": "Z[j,i] = C[k] + A[0,j] :: argtopk(k, i)",
    "top by index": "Z[i] = C[k] :: argtopk(k, i, byindex)",
    "top of few": "Z[i,k] = A[i,j] :: argtopk(j, k)",
    "sort": "Z[j] = C[k] :: argsort(k, j)",
    "top of masked": "Z[i,j] = C[k] :: argtopk(k, j, byindex) | k > i + 1",
    "gather": "X[i] = C[k] :: argtopk(k, i)\nZ[i,j] = B[j,X[i]]",
    "gather shifted": "X[i] = C[k] :: argtopk(k, i)\nZ[i,j] = B[j,X[i]-1]",
    "gather at an absent index": "X[j] = C[k] :: argtopk(k, j) | k < 2\nZ[i,j] = A[i,X[j]+1] + B[j-X[j],0]",
    "gather in a loop": "X[i,k] = C[i-1] * A[i,j] :: argtopk(j, k)\nZ[i+1,j] = C[j-1] - Z[i,j] * B[X[i,i],i-1]",
    "gather twice": "X[i,j] = B[j,k] + j :: argtopk(k, i)\nZ[j,i] = B[j,X[i,j]] * C[X[i,j]]",
    "scatter": "X[j] = C[k] :: argtopk(k, j)\nZ[X[j]] = A[i,j] :: sum(i)",
    "scatter max": "Y[j,i] = B[j,k] :: argtopk(k, i)\nZ[Y[j,i]] = A[i,j] :: max(j)\nX[k] = Z[k]",
    "running": "R[i+1,j] = R[i,j] * 2 + A[i,j]\nZ[j] = R[I,j]",
    "running backwards read": "R[i,j] = A[i,j] + R[i-1,j] * R[i-2,j]\nZ[i] = R[i,j]",
    "recursion": "U[i,k] = B[i,k] - V[i,k]\nV[i,k] = A[i,j] * U[j,k] | j < i\nZ[k,i] = U[i,k]",
    "table": "Z[i,j] = 2 ** (i - j) * A[i,j] | j <= i",
    "computed index": "Z[i] = A[i,(i*i) % 3] + C[i//2]",
}


@pytest.mark.parametrize("feature", FEATURES)
def test_feature(feature: str) -> None:
    assert_as_oracle(cascade(FEATURES[feature]), SMALL)


@pytest.mark.parametrize("function", [f for f in FUNCTIONS if OPERATORS[f].arity == 1])
def test_function(function: str) -> None:
    positive = function in ("sqrt", "rsqrt", "log", "log2")
    tensors = {**SMALL, "A": np.abs(SMALL["A"]) + 0.5 if positive else SMALL["A"] / 3}
    assert_as_oracle(cascade(f"Z[i,j] = {function}(A[i,j])\nX[] = {function}(2)"), tensors)


def test_what_stands_at_absent_points_does_not_matter() -> None:
    tensors = {name: t.copy() for name, t in SMALL.items()}
    tensors["B"][2:], tensors["C"][4] = np.nan, np.inf
    c = cascade(
        "Z[i,k] = A[i,j] * B[j,k] | j < i\nY[] = A[i,j] * B[j,k] * C[k] | j < i and k < 4\nX[i] = Z[i,k] :: max(k)"
    )
    assert_as_oracle(c, tensors)
    assert np.isfinite(run(c, tensors)["Z"]).all()


def test_views_are_read_where_they_exist_only() -> None:
    head = "inputs: {A: [I, J], B: [J, K], C: [K]}\nranks: {N: 2}\nviews: |\n  W[n,i] = A[i,n]\n  T[n] = 3 ** n"
    c = cascade("Z[i] = W[1,i] + W[i,0] * T[0]\nY[n,i] = W[n,i] * T[n]", head)
    assert_as_oracle(c, SMALL)
    assert run(c, SMALL, keep=["W"])["W"].shape == (2, 3)


def test_declared_shape_and_stop() -> None:
    head = "inputs: {A: [I, J], B: [J, K], C: [K]}\ndeclare: {Z: [J]}\nstop: {k: J}"
    c = cascade("R[k+1] = R[k] + C[k]\nZ[k-1] = R[k]", head)
    assert_as_oracle(c, SMALL)
    assert run(c, SMALL)["Z"].shape == (4,)


def test_kept_tensors_have_the_extra_coordinate() -> None:
    found = run(cascade(FEATURES["running"]), SMALL, keep=["R", "A"], presence=True)
    values, mask = found["R"]
    assert values.shape == (4, 4) and mask is not None
    assert mask[1:].all() and not mask[0].any() and not values[0].any()
    assert found["A"][1] is None


def test_computes_in_the_type_of_the_inputs() -> None:
    single = {name: t.astype(np.float32) for name, t in SMALL.items()}
    for feature, text in FEATURES.items():
        found = run(cascade(text), single)["Z"]
        assert found.dtype in (np.float32, np.int64), feature
        assert np.allclose(found, run(cascade(text), SMALL)["Z"], rtol=1e-5, atol=1e-5)
    mixed = {**SMALL, "A": single["A"]}
    assert run(cascade(FEATURES["matmul"]), mixed)["Z"].dtype == np.float64
    whole = {**SMALL, "C": np.arange(5), "B": SMALL["B"] > 0}
    assert run(cascade("Z[j] = B[j,k] * C[k]"), whole)["Z"].tolist() == (whole["B"] @ whole["C"]).tolist()
    assert run(cascade("Z[i,j] = A[i,C[j]]"), whole)["Z"].tolist() == SMALL["A"][:, :4].tolist()


def test_results_do_not_share_memory_with_inputs() -> None:
    tensors = {name: t.copy() for name, t in SMALL.items()}
    run(cascade("Z[i,j] = A[i,j]"), tensors)["Z"][:] = 0
    run(cascade("Z[i,j] = exp(A[i,j])"), tensors)
    assert np.array_equal(tensors["A"], SMALL["A"])


def test_batch_axes_broadcast() -> None:
    rng = np.random.default_rng(0)
    tensors = {"A": rng.normal(size=(2, 1, 3, 4)), "B": rng.normal(size=(5, 4, 5)), "C": SMALL["C"]}
    found = run(cascade("Z[i] = A[i,j] * B[j,k] * C[k]\nT[k] = C[k]"), tensors, keep=["T"])
    expected = np.einsum("xyij,yjk,k->xyi", np.tile(tensors["A"], (1, 5, 1, 1)), tensors["B"], tensors["C"])
    assert np.allclose(found["Z"], expected)
    assert found["T"].shape == (2, 5, 5)


def test_selections_and_masks_may_differ_between_batches() -> None:
    rng = np.random.default_rng(0)
    c = cascade("X[i] = C[k] :: argtopk(k, i)\nZ[X[i],j] = B[j,X[i]] :: sum(i) | C[X[i]] > 0")
    tensors = {"A": SMALL["A"], "B": rng.normal(size=(7, 4, 5)), "C": rng.normal(size=(7, 5))}
    values, mask = run(c, tensors, presence=True)["Z"]
    for n in range(7):
        one, there = run(c, {"A": SMALL["A"], "B": tensors["B"][n], "C": tensors["C"][n]}, presence=True)["Z"]
        assert np.array_equal(values[n], one) and mask is not None
        assert np.array_equal(mask[n], np.ones_like(mask[n]) if there is None else there)


def test_blocks_of_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    c = load(Cascade, "attention_1pass")
    tensors = {name: rng.normal(size=(3, 5, 8, 16)) for name in "QKV"}
    whole = run(c, tensors, sizes={"M0": 4})["AV"]
    monkeypatch.setattr("einsum_cascade.interpret.interpreter.CACHED", 200)
    assert np.allclose(run(c, tensors, sizes={"M0": 4})["AV"], whole, rtol=1e-14)


def test_one_pass_needs_little_memory() -> None:
    rng = np.random.default_rng(0)
    tensors = {name: rng.normal(size=(4, 16, 512)) for name in "QKV"}
    c = load(Cascade, "attention_1pass")
    run(c, tensors, sizes={"M0": 32})
    with peak_memory("numpy") as peak:
        run(c, tensors, sizes={"M0": 32})
    assert peak() < 4 * 512 * 512 * 8  # one array of all scores


# --- mistakes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"C": None}, "the input C is missing\n    cascade: c\n             ^\n  hint: give an array of shape (K)"),
        ({"AA": np.ones(3)}, "c has no input AA"),
        ({"C": np.ones(4)}, "rank K has size 5 in B and size 4 in C"),
        ({"A": np.ones(3)}, "A has 1 axis, but [I, J] needs 2"),
        ({"A": np.ones((2, 3, 4)), "C": np.ones((3, 5))}, "batch axis -1 has size 2 in A and size 3 in C"),
    ],
)
def test_wrong_tensors(change: Arrays, message: str) -> None:
    tensors = {k: v for k, v in {**SMALL, **change}.items() if v is not None}
    with pytest.raises(SpecError) as caught:
        run(cascade("Z[i] = A[i,j]"), tensors)
    assert message in str(caught.value)


def test_wrong_sizes_and_names() -> None:
    c = load(Cascade, "attention_1pass")
    tensors = {name: np.ones((8, 16)) for name in "QKV"}
    with pytest.raises(SpecError, match="rank M is given as 8 but has size 16 in K"):
        run(c, tensors, sizes={"M": 8})
    with pytest.raises(SpecError, match="has no rank or parameter MO"):
        run(c, tensors, sizes={"MO": 8})
    with pytest.raises(SpecError, match=r"has no tensor RN to keep(.|\n)*did you mean RNV"):
        run(c, tensors, keep=["RN"])
    with pytest.raises(SpecError, match="axis 1 of A has size 4, not I \\+ 2 = 5"):
        run(cascade("Z[i] = A[i,j]", "inputs: {A: [I, I + 2]}\nranks: {J: 4}"), {"A": np.ones((3, 4))})
    with pytest.raises(SpecError, match=r"nothing gives the size of axis 0 of Z(.|\n)*declare: \{Z:"):
        run(cascade("Z[C[k]] = 1 :: sum(k)"), SMALL)
