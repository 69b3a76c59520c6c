"""Which slices are kept, seen in the plan and in the most slices that live at once while a cascade runs."""

import numpy as np
import pytest

from einsum_cascade import Cascade, load, read_cascades, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.einsum import show
from einsum_cascade.interpret import interpreter, run
from einsum_cascade.interpret.lifetimes import hoisted, inlined, lifetimes
from einsum_cascade.interpret.storage import Store
from einsum_cascade.parse import parse_line
from einsum_cascade.plan import Loop, schedule
from einsum_cascade.shapes import tensor_shapes


@pytest.mark.parametrize(
    ("text", "kept", "windows", "pinned"),
    [
        ("R[m+1] = R[m] + A[m] ; Z[] = R[M]", ["Z"], {"R": (0,)}, {("R", 0): {8}}),
        ("R[m+1] = R[m] + A[m] ; Z[] = R[M] - R[0] * R[3]", ["Z"], {"R": (0,)}, {("R", 0): {0, 3, 8}}),
        ("R[m+1] = R[m] + A[m] ; Z[m] = R[m]", ["R"], {"Z": (0,)}, {("Z", 0): set()}),
        ("R[m+1] = R[m] + A[m] ; Z[] = R[m] :: max(m)", ["Z"], {}, {}),  # read by a whole reduction
        ("L[m] = A[m] ; G[] = L[m] :: max(m) ; Z[m] = L[m] - G[]", ["Z"], {}, {}),  # no loop at all
        ("R[m+1,p] = R[m,p] + A[m] ; Z[p] = R[M,p]", ["Z"], {"R": (0,)}, {("R", 0): {8}}),
        ("R[m] = R[m-1] + R[m-2] + A[m] ; Z[] = R[M-1]", ["Z"], {"R": (0,)}, {("R", 0): {7}}),
        ("R[m+1] = R[m] + A[m] ; Z[p] = R[p]", ["Z"], {}, {}),  # another variable goes through it
        ("R[m+1] = R[m] + A[m] ; Z[] = R[M]", ["Z", "R"], {}, {}),  # kept tensors stay whole
    ],
)
def test_windows(
    text: str, kept: list[str], windows: dict[str, tuple[int, ...]], pinned: dict[tuple[str, int], set[int]]
) -> None:
    found = lifetimes(schedule(parse_line(text)), {"M": 8, "P": 8}, kept)
    assert (dict(found.windows), {k: set(v) for k, v in found.pinned.items()}) == (windows, pinned)
    assert set(found.loops) == set(pinned)


def test_a_tensor_goes_after_its_last_reader() -> None:
    plan = schedule(parse_line("B[m] = A[m] ; C[] = B[m] ; D[] = C[] * 2 ; E[m] = B[m] * D[]"))
    after = lifetimes(plan, {"M": 8}, ["E"]).after
    gone = {node.name: sorted(t for t, _, _ in after.get(id(node), ())) for node in plan if not isinstance(node, Loop)}
    assert gone == {"B": ["A"], "C": [], "D": ["C"], "E": ["B", "D"]}


class Watched(Store):
    """A store that remembers how many slices of each tensor lived at once."""

    most: dict[str, int]

    def write(self, target, field, integer, operation):  # type: ignore[no-untyped-def]
        """Put, then look."""
        super().write(target, field, integer, operation)
        name = target.tensor
        Watched.most[name] = max(Watched.most.get(name, 0), len(self.entries.get(name, {})))


def most(monkeypatch: pytest.MonkeyPatch, cascade: Cascade, sizes: dict[str, int]) -> dict[str, int]:
    monkeypatch.setattr(interpreter, "Store", Watched)
    Watched.most = {}
    names, rng = shape(cascade, sizes), np.random.default_rng(0)
    tensors = {n: rng.normal(size=[int(evaluate(d, names)) for d in dims]) for n, dims in cascade.inputs.items()}
    whole = run(cascade, tensors, sizes=sizes, keep=[s.name for s in cascade.statements if s.role == "einsum"])
    Watched.most = {}
    found = run(cascade, tensors, sizes=sizes)
    for name in cascade.outputs:
        np.testing.assert_allclose(found[name], whole[name], rtol=1e-12)
    return Watched.most


@pytest.mark.parametrize("tiles", [2, 3, 12])
@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("attention_1pass", {"RM": 2, "RD": 1, "RNV": 1}),  # the old sums go before the new ones come
        ("attention_1pass_causal", {"RM": 2, "RD": 1, "RNV": 1}),
        ("attention_fa1", {"RM": 2, "RD": 2, "RO": 2}),
    ],
)
def test_one_pass_keeps_its_states_and_one_tile(
    name: str, states: dict[str, int], tiles: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = {"M": 4 * tiles, "P": 4 * tiles, "M0": 4, "E": 2, "F": 3}
    found = most(monkeypatch, load(Cascade, name), sizes)
    assert {t: found.pop(t) for t in states} == states
    assert set(found.values()) == {1}


RUNNING = """
cascade: running
inputs: {{A: [M]}}
outputs: [Z]
einsums: |
{lines}
"""


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("R[m+1] = R[m] + A[m]\nZ[] = R[M]", 2),
        ("R[m] = R[m-1] + A[m]\nZ[] = R[M-1]", 2),
        ("R[m] = R[m-3] + A[m]\nZ[] = R[M-1]", 4),
        ("R[m+1] = R[m] + A[m]\nZ[] = R[M] + R[2]", 3),  # a pinned one besides
        ("R[m+1] = R[m] * 2 + A[m]\nZ[m] = R[m+1] - R[m]", 2),
        ("R[m+1] = R[m] * 2 + A[m]\nZ[] = R[m] :: max(m)", 1),  # whole: one slice that is everything
    ],
)
def test_the_most_slices_of_a_running_value(lines: str, expected: int, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "\n".join(f"  {line}" for line in lines.split("\n"))
    assert most(monkeypatch, read_cascades(RUNNING.format(lines=body))[0], {"M": 9})["R"] == expected


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("L[m] = A[m] * B[m] ; R[m+1] = R[m] + L[m]", 8, ["L", "m"]),
        ("L[m] = A[m] * B[m] ; R[m+1] = R[m] + L[m]", 7, ["m"]),  # too large to be made at once
        ("L[m] = A[m] * R[m] ; R[m+1] = R[m] + L[m]", 99, ["m"]),  # fed by the loop
        ("K[m] = A[m] ; L[m] = K[m] * 2 ; R[m+1] = R[m] + L[m]", 8, ["K", "L", "m"]),
    ],
)
def test_hoisting(text: str, limit: int, expected: list[str]) -> None:
    plan = hoisted(schedule(parse_line(text)), {"K": (8,), "L": (8,), "R": (9,)}, limit)
    assert [n.variable if isinstance(n, Loop) else n.name for n in plan] == expected


@pytest.mark.parametrize(
    ("views", "einsum", "shown"),
    [
        ("W[j,i] = A[i,j]", "Z[i] = W[j,i]", ["Z[i] = A[i,j]"]),
        ("W[i,j] = A[i,j+1]", "Z[i] = W[i,0]", ["Z[i] = A[i,0 + 1]"]),
        ("W[i,j] = A[i,j]", "Z[i] = W[i,j+1]", ["W[i,j] = A[i,j]", "Z[i] = W[i,j + 1]"]),  # might be out of range
        ("W[i,j] = 2 * A[i,j]", "Z[i] = W[i,j]", ["W[i,j] = 2 * A[i,j]", "Z[i] = W[i,j]"]),
        ("W[i,j] = A[i,j] | i < 2", "Z[i] = W[i,j]", ["W[i,j] = A[i,j] | i < 2", "Z[i] = W[i,j]"]),
    ],
)
def test_inlining_views(views: str, einsum: str, shown: list[str]) -> None:
    text = f"cascade: v\ninputs: {{A: [I, J]}}\noutputs: [Z]\nviews: |\n  {views}\neinsums: |\n  {einsum}\n"
    cascade = read_cascades(text)[0]
    names = shape(cascade, {"I": 3, "J": 4})
    found = inlined(cascade, names, tensor_shapes(cascade, names), ["Z"])
    assert [show(s) for s in found] == shown
    assert "W" in [s.name for s in inlined(cascade, names, tensor_shapes(cascade, names), ["Z", "W"])]
