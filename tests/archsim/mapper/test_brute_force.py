"""The search against plain enumeration with the model: the same optimum, always."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from archsim.mapper.best import best_mapping
from archsim.mapper.rules import FREE, Rules
from archsim.workload import Workload
from einsum_cascade import Cascade, load

sys.path.insert(0, str(Path(__file__).parent))
from brute import brute_force, tiny

HEAD = "cascade: small\nsource: made up\nranks: {P: 4, M: 4, E: 4, F: 4}\n"
CASCADES = {
    "product": HEAD + "inputs: {Q: [E, P], K: [E, M]}\noutputs: [Z]\neinsums: |\n  Z[m,p] = Q[e,p] * K[e,m]\n",
    "chain": HEAD + "inputs: {Q: [P, M]}\noutputs: [Z]\neinsums: |\n  Y[p,m] = Q[p,m] * Q[p,m]\n  Z[p] = Y[p,m]\n",
    "barrier": HEAD + "inputs: {Q: [P, M]}\noutputs: [Z]\neinsums: |\n  G[p] = Q[p,m] :: max(m)\n"
    "  Z[p,m] = Q[p,m] + G[p]\n",
    "first": HEAD + "inputs: {Q: [P, M]}\noutputs: [G]\neinsums: |\n  G[p] = Q[p,m] :: max(m)\n",
    "second": HEAD + "inputs: {Q: [P, M], G: [P]}\noutputs: [Z]\neinsums: |\n  Z[p,m] = Q[p,m] + G[p]\n",
    "running": HEAD + "inputs: {Q: [P, M]}\noutputs: [Z]\ninit: |\n  R[p,0] = 0\neinsums: |\n"
    "  R[p,m+1] = R[p,m] + Q[p,m]\n  Z[p] = R[p,M] * R[p,M]\n",
}  # fmt: skip
ARRAYS = {"product": ("line",), "chain": ("line",), "barrier": ("line",), "running": ("grid", "line")}


def small(name: str, folder: Path) -> Cascade:
    file = folder / f"{name}.yaml"
    file.write_text(CASCADES[name].replace("cascade: small", f"cascade: {name}"), encoding="utf-8")
    return load(Cascade, str(file))


def agree(name: str, folder: Path, sizes: dict[str, int], capacity: int, rules: Rules = FREE, local: int = 0) -> int:
    """Compare; return how many mappings there are."""
    cascade, design = small(name, folder), tiny(capacity, *ARRAYS[name], local=local)
    workload = Workload(name="w", sequence_length=sizes["M"], query_length=sizes["P"], head_dim=sizes["E"])
    rules = Rules(**{**rules.__dict__, "batch": ()})
    cost, number = brute_force(cascade, workload, design, rules)
    for objective, all_ in (("latency", cost.seconds), ("energy", cost.joules), ("edp", cost.seconds * cost.joules)):
        best = best_mapping(cascade, workload, design, objective, Rules(**{**rules.__dict__,
                            "groups": (frozenset(s.name for s in cascade.einsums),)}), slack=0.0)  # fmt: skip
        if not number:
            assert best.report is None
            continue
        assert best.report is not None and best.complete
        value = {"latency": best.report.latency_s, "energy": best.report.energy_j,
                 "edp": best.report.latency_s * best.report.energy_j}[objective]  # fmt: skip
        assert value == pytest.approx(float(np.min(all_)), rel=1e-9), (objective, sizes, capacity)
        assert best.value == pytest.approx(float(value), rel=1e-9)
    return number


SIZES = st.fixed_dictionaries({"M": st.integers(1, 4), "P": st.integers(1, 4), "E": st.integers(1, 3)})


@settings(max_examples=2, deadline=None, derandomize=True, phases=[Phase.generate])
@given(sizes=SIZES, capacity=st.integers(2, 60))
@pytest.mark.parametrize("name", ["chain", "barrier", "running"])
def test_several_einsums(name: str, tmp_path_factory: pytest.TempPathFactory, sizes: dict[str, int],
                         capacity: int) -> None:  # fmt: skip
    agree(name, tmp_path_factory.mktemp("cascade"), sizes, capacity)


def test_product(tmp_path: Path) -> None:
    assert agree("product", tmp_path, {"M": 2, "P": 2, "E": 2}, 14) > 100


@pytest.mark.parametrize("name, sizes, capacity, local", [
    ("barrier", {"M": 2, "P": 1, "E": 1}, 6, 40),
    ("barrier", {"M": 2, "P": 2, "E": 1}, 12, 4),
])  # fmt: skip
def test_two_near_memories(name: str, sizes: dict[str, int], capacity: int, local: int, tmp_path: Path) -> None:
    """A tensor may have tiles in either, or in both; the nearer one is not the larger one, or it is."""
    assert agree(name, tmp_path, sizes, capacity, local=local) > 0


def test_groups_one_after_another(tmp_path: Path) -> None:
    """The best way to part a cascade: for every objective no worse than any given way, and as good as one of them."""
    cascade, design = small("barrier", tmp_path), tiny(12, "line")
    workload = Workload(name="w", sequence_length=4, query_length=3, head_dim=2)
    ways = [(frozenset({"G", "Z"}),), (frozenset({"G"}), frozenset({"Z"}))]
    for objective in ("latency", "energy", "edp"):
        given = [best_mapping(cascade, workload, design, objective, Rules(batch=(), groups=w), slack=0.0).value
                 for w in ways]  # fmt: skip
        free = best_mapping(cascade, workload, design, objective, Rules(batch=()), slack=0.0).value
        assert free == pytest.approx(min(given), rel=1e-9)


def test_product_over_groups(tmp_path: Path) -> None:
    """The least product of sums is not the sum of least products: all pairs of mappings of two groups, each of which
    alone is a cascade, too."""
    cascade, design = small("barrier", tmp_path), tiny(10, "line")
    workload = Workload(name="w", sequence_length=3, query_length=2, head_dim=1)
    rules = Rules(batch=(), groups=(frozenset({"G"}), frozenset({"Z"})))
    costs = [np.column_stack(brute_force(small(n, tmp_path), workload, design)[0]) for n in ("first", "second")]
    sums = (costs[0][:, None, :] + costs[1][None, :, :]).reshape(-1, 2)
    best = best_mapping(cascade, workload, design, "edp", rules, slack=0.0)
    assert best.complete and best.value == pytest.approx(float(np.min(sums[:, 0] * sums[:, 1])), rel=1e-9)
