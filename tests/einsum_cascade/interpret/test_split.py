"""Splitting over a rank gives what the whole gives; what cannot be split is refused."""

import numpy as np
import pytest

from archsim.memory import peak_memory
from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.interpret import run, run_split
from einsum_cascade.reference import make_inputs

SPLITTABLE = ("attention_naive", "attention_lazy", "attention_3pass", "attention_2pass", "attention_2pass_deferred",
              "attention_block_summaries", "attention_1pass", "attention_fa1", "linear_noncausal",
              "attention_3pass_causal", "attention_1pass_causal", "attention_2pass_causal", "attention_fa1_causal",
              "sliding_window_masked", "mnnfast_zero_skip", "gqa", "mqa")  # fmt: skip


@pytest.mark.parametrize("name", SPLITTABLE)
@pytest.mark.parametrize("size", [1, 7, 20, 100])
def test_blocks_give_the_whole(name: str, size: int) -> None:
    cascade = load(Cascade, name)
    sizes = {"P": 20, "M": 20, "E": 4, "F": 3}
    tensors = make_inputs(cascade, sizes)
    seen: list[tuple[int, int]] = []
    found = run_split(cascade, tensors, size=size, sizes=sizes, progress=lambda done, total: seen.append((done, total)))
    for output, values in run(cascade, tensors, sizes=sizes).items():
        np.testing.assert_allclose(found[output], values, rtol=1e-12, atol=1e-12)
    assert [done for done, _ in seen] == ([] if size >= 20 else [*range(0, 20, size), 20])


def test_batch_axes_and_kept_tensors() -> None:
    cascade, rng = load(Cascade, "attention_1pass_causal"), np.random.default_rng(0)
    tensors = {"Q": rng.normal(size=(3, 2, 4, 10)), "K": rng.normal(size=(3, 1, 4, 12)), "V": rng.normal(size=(5, 12))}
    whole = run(cascade, tensors, sizes={"M0": 5}, keep=["BQK", "RD"])
    found = run_split(cascade, tensors, size=4, sizes={"M0": 5}, keep=["BQK", "RD"])
    assert set(found) == {"AV", "BQK", "RD"}
    for name, values in whole.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-12, atol=1e-12)


def test_torch() -> None:
    torch = pytest.importorskip("torch")
    cascade = load(Cascade, "attention_3pass_causal")
    tensors = make_inputs(cascade, {"P": 9, "M": 13, "E": 4, "F": 3})
    found = run_split(cascade, {n: torch.asarray(t) for n, t in tensors.items()}, size=4)["AV"]
    assert isinstance(found, torch.Tensor)
    np.testing.assert_allclose(found, run(cascade, tensors)["AV"], rtol=1e-12)


@pytest.mark.parametrize(("name", "rank", "why"), [
    ("linear_causal", "P", "cannot be split over P: 0 variables run over it"),
    ("attention_3pass", "M", "reduces m"),
    ("spatten_layer", "P", "reduces p"),
    ("sliding_window", "P", "read or written at other coordinates"),
    ("agent_attention", "P", "cannot be split over P"),
    ("attention_3pass", "X", "0 variables run over it and 0 inputs have it"),
])  # fmt: skip
def test_refused(name: str, rank: str, why: str) -> None:
    cascade = load(Cascade, name)
    with pytest.raises(SpecError, match=why):
        run_split(cascade, make_inputs(cascade), rank=rank, size=2)


HEAD = "cascade: c\nranks: {P: 4, E: 2}\nvars: {q: P}\ninputs: {A: [P, E]}\noutputs: [Z]\neinsums: |\n"


@pytest.mark.parametrize(("statements", "why"), [
    ("  Z[p] = A[p,e] * P", "depends on its size"),
    ("  B[p] = A[p,e]\n  Z[p,e] = B[0] * A[p,e]", "B is read or written at other coordinates"),
    ("  Z[p] = A[p,e] * A[q,e]", "2 variables"),
])  # fmt: skip
def test_coordinates_that_depend_on_each_other(statements: str, why: str) -> None:
    with pytest.raises(SpecError, match=why):
        run_split(read_cascades(HEAD + statements)[0], {"A": np.ones((4, 2))}, size=2)


def test_coordinates_in_expressions_and_conditions_move() -> None:
    cascade = read_cascades(HEAD.replace("vars: {q: P}\n", "") + "  Z[p] = A[p,e] * p | e < p // 2 + 1")[0]
    tensors = {"A": np.arange(8.0).reshape(4, 2) + 1}
    np.testing.assert_array_equal(run_split(cascade, tensors, size=1)["Z"], run(cascade, tensors)["Z"])


def test_memory_is_that_of_a_block() -> None:
    cascade, rng = load(Cascade, "attention_3pass"), np.random.default_rng(0)
    tensors = {name: rng.normal(size=(8, 2048)) for name in "QKV"}
    peaks = {}
    for size in (64, 2048):
        with peak_memory("numpy") as peak:
            run_split(cascade, tensors, size=size)
        peaks[size] = peak()
    scores = 8 * 2048
    assert peaks[64] < 3 * 64 * scores + 2**20 and peaks[2048] > 2048 * scores
