"""Fills, reads, writes and updates of every tensor at every level, against a walk of the loops; whole documents."""

from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.actions import ActionCounts, count_actions
from archsim.binding import bind
from archsim.design import read_design
from archsim.mapping import read_mapping
from archsim.occupancy import occupancy
from archsim.workload import Workload
from einsum_cascade.document import read
from einsum_cascade.load import read_cascades
from tests.nest_oracle import Walk

CASCADE = """
cascade: product
source: made up
ranks: {M: 4, N: 4, K: 4}
inputs: {A: [M, K], B: [K, N]}
outputs: [Z]
einsums: "Z[m,n] = A[m,k] * B[k,n]"
"""
DESIGN = """
design: small
source: made up
clock: 1 GHz
memories: {far: {bandwidth: 1 GB/s}, middle: {capacity: 1 MiB}, near: {capacity: 1 MiB}}
arrays: {pes: {shape: {rows: ROWS}, operations: {mul+add: mac}}}
energy: none
parameters: {ROWS: 1}
"""
TENSORS = {"A": ["m", "k"], "B": ["k", "n"], "Z": ["m", "n"]}


@st.composite
def cases(draw: st.DrawFn) -> dict[str, object]:
    sizes = {v: draw(st.integers(1, 6)) for v in "mnk"}
    tiles = {v: draw(st.integers(1, 4)) for v in "mnk"}
    order = draw(st.permutations([v for v in "mnk" for _ in range(2)]))
    seen: set[str] = set()
    loops = []
    for v in order:
        loops.append(f"{v}0" if v in seen else f"{v}1")
        seen.add(v)
    rows = draw(st.integers(1, 4))
    spread = draw(st.sampled_from(["", loops[-1]]))
    time = [v for v in loops if v != spread]
    keep: dict[str, dict[str, str]] = {"middle": {}, "near": {}, "pes": {}}
    for tensor in TENSORS:
        depth = 0
        for memory in keep:
            if draw(st.booleans()):
                depth = draw(st.integers(depth, len(time) - 1))
                keep[memory][tensor] = time[depth]
    return {"sizes": sizes, "tiles": tiles, "time": time, "spread": spread, "rows": rows, "keep": keep}


def model(case: dict[str, object]) -> ActionCounts:
    keep = {m: k for m, k in case["keep"].items() if k}
    space = f"{{rows: {case['spread']}}}" if case["spread"] else "{}"
    text = f"""
mapping: random
cascade: product
design: small
parameters: {{{", ".join(f"{v.upper()}0: {t}" for v, t in case["tiles"].items())}}}
partitioning: {{m: [m1, m0], n: [n1, n0], k: [k1, k0]}}
groups:
  all:
    loops: [{", ".join(case["time"])}]
    binding: {{pes: [Z]}}
    space: {{pes: {space}}}
    keep: {str(keep).replace("'", "")}
"""
    (cascade,) = read_cascades(CASCADE)
    workload = Workload(name="w", ranks={v.upper(): s for v, s in case["sizes"].items()})
    design = read_design(read(DESIGN, "d.yaml")[0], None, {"ROWS": case["rows"]})
    binding = bind(cascade, workload, read_mapping(read(text, "m.yaml")[0]), design)
    return count_actions(binding, occupancy(binding))


def walked(case: dict[str, object]) -> dict[tuple[str, str, str], int]:
    axes = {v: (case["sizes"][v], (f"{v}1", f"{v}0"), (case["tiles"][v],)) for v in "mnk"}
    space = {case["spread"]: case["rows"]} if case["spread"] else {}
    walk = Walk(axes, tuple(case["time"]), len(case["time"]), space)
    result: dict[tuple[str, str, str], int] = {}

    def add(memory: str, tensor: str, action: str, words: int) -> None:
        result[memory, tensor, action] = result.get((memory, tensor, action), 0) + words

    for tensor, own in TENSORS.items():
        path = ["far", *(m for m in ("middle", "near") if tensor in case["keep"][m])]
        scopes = [case["keep"][m][tensor] for m in path[1:]]
        inner = case["keep"]["pes"].get(tensor)
        for parent, child, scope in [*zip(path, path[1:], scopes, strict=False), (path[-1], "", inner)]:
            outside = case["time"][: case["time"].index(scope) + 1] if scope else walk.time()
            if tensor == "Z":
                written, again = walk.accumulated(own, outside)
                add(parent, tensor, "write", written)
                add(parent, tensor, "read", again)
                if child:
                    add(child, tensor, "drain", written)
                    add(child, tensor, "fill", again)
            else:
                fetched = walk.fetched(own, outside)
                add(parent, tensor, "read", fetched)
                if child:
                    add(child, tensor, "fill", fetched)
    return {k: v for k, v in result.items() if v}


@settings(max_examples=150, deadline=None)
@given(cases())
def test_every_count_equals_the_walk(case: dict[str, object]) -> None:
    counts = model(case)
    closed = {(m, t, a): v for (_, m, t, a), v in counts.words.items() if v}
    assert closed == walked(case)
    sizes = case["sizes"]
    assert counts.operations == {("pes", "Z", "mac"): sizes["m"] * sizes["n"] * sizes["k"]}
