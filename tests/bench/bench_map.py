"""Mapping evaluations per CPU second of `archsim map` on the work that peers are measured with, and its growth
(process_time). Run by itself it draws the growth into map_growth.png.

Required: 1,000,000 mapping evaluations per CPU second, and at most 2.5 CPU seconds for attention on a TPU v4i. The rate
is that of the model on one structure with a million tilings; a search evaluates far fewer, since one bound decides many
mappings, so its time is what counts, and how many mappings it decides a second.
"""

import time
from pathlib import Path

import numpy as np

from archsim.design import Design
from archsim.library import load
from archsim.mapper.best import Best, best_mapping
from archsim.mapper.rules import FREE, Rules, read_rules
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.workload import Workload
from einsum_cascade import Cascade

HERE = Path(__file__).resolve().parents[1] / "archsim" / "mapper"
PEERS = (
    ("AccelForge 1.0.467, attention on its tpu_v4i (measured, November 2026)", "24.8 CPU s", "30,000 to 45,000"),
    ("Timeloop, 16x16 array (measured, November 2026)", "did not stop", "1,770"),
    ("ZigZag 3.9.1 (measured, November 2026)", "2.55 CPU s", "286"),
)
LENGTHS = tuple(2**k * 1024 for k in range(0, 11, 2))
EINSUMS = (1, 2, 4, 8)


def attention() -> tuple[Cascade, Workload, Design]:
    """QK, softmax as one Einsum, AV; L=1024, H=12, E=64, 8-bit words."""
    workload = Workload(name="peer", heads=12, head_dim=64, sequence_length=1024, word_bits=8)
    return load(Cascade, str(HERE / "cascades" / "attn3.yaml")), workload, load(Design, "tpu_v4i")


def timed(cascade: Cascade, workload: Workload, design: Design, objective: str = "latency",
          rules: Rules = FREE) -> tuple[float, Best]:  # fmt: skip
    """CPU seconds of a search, the least of three."""
    seconds = []
    for _ in range(3):
        start = time.process_time()
        best = best_mapping(cascade, workload, design, objective, rules)
        seconds.append(time.process_time() - start)
    return min(seconds), best


def tilings(number: int) -> float:
    """Mappings per CPU second that the model evaluates in full: tilings of FuseMax's binding at 64K tokens."""
    rng = np.random.default_rng(0)
    workload, mapping = load(Workload, "bert", sequence_length=65_536), load(Mapping, "fusemax_binding")
    sizes = {"M0": 2.0 ** rng.integers(4, 14, number), "P1": 2.0 ** rng.integers(0, 8, number)}
    cascade, design = load(Cascade, mapping.cascade), load(Design, mapping.design)
    start = time.process_time()
    evaluate(cascade, workload, mapping, design, dict(sizes))
    return number / (time.process_time() - start)


def independent(number: int) -> Cascade:
    """So many matrix products that have nothing to do with each other."""
    from einsum_cascade.document import read
    from einsum_cascade.load import _cascade

    inputs = ", ".join(f"X{k}: [E, P], W{k}: [E, M]" for k in range(number))
    lines = "".join(f"\n  Z{k}[m,p] = X{k}[e,p] * W{k}[e,m]" for k in range(number))
    outputs = ", ".join(f"Z{k}" for k in range(number))
    text = (f"cascade: products\nsource: made up\nranks: {{P: 1024, M: 1024, E: 64, F: 64}}\ninputs: {{{inputs}}}\n"
            f"outputs: [{outputs}]\neinsums: |{lines}\n")  # fmt: skip
    return _cascade(read(text, "products.yaml")[0])


def growth() -> tuple[list[float], list[float]]:
    """CPU seconds by sequence length, and by the number of independent Einsums."""
    cascade, workload, design = attention()
    lengths = []
    for length in LENGTHS:
        longer = Workload(name="peer", heads=12, head_dim=64, sequence_length=length, word_bits=8)
        lengths.append(timed(cascade, longer, design)[0])
    return lengths, [timed(independent(n), workload, design)[0] for n in EINSUMS]


def draw(lengths: list[float], einsums: list[float], file: Path) -> None:
    """Draw both as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.5), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.loglog([n / 1024 for n in LENGTHS], lengths, "o-")
    left.set(xlabel="sequence length (K tokens)", ylabel="CPU seconds", title="attention on tpu_v4i", ylim=(0.1, 30))
    right.plot(EINSUMS, einsums, "o-")
    right.set(xlabel="independent matrix products", ylabel="CPU seconds", title="Einsums", ylim=(0, None))
    figure.savefig(file, dpi=120)


def published() -> None:
    """All 24 points of FuseMax (MICRO'24): latency and DRAM traffic of the mapping found against the published one."""
    mapping, design, cascade = (
        load(Mapping, "fusemax_binding"),
        load(Design, "fusemax"),
        load(Cascade, "attention_1pass"),
    )
    for model in ("bert", "trxl", "t5", "xlm"):
        cells = []
        for length in LENGTHS:
            workload = load(Workload, model, sequence_length=length)
            theirs = evaluate(cascade, workload, mapping, design)
            ours = best_mapping(cascade, workload, design).report
            assert ours is not None
            latency, traffic = ours.latency_s / theirs.latency_s, ours.dram_traffic_bytes / theirs.dram_traffic_bytes
            cells.append(f"{latency:.3f}/{traffic:.2f}")
        print(f"  {model:5} " + "  ".join(cells))


def main(file: Path = Path("map_growth.png")) -> None:
    print(f"the model alone: {max(tilings(1_000_000) for _ in range(3)):,.0f} mapping evaluations per CPU s"
          " (required: 1,000,000)")  # fmt: skip
    given = attention()
    rules = read_rules(HERE / "constraints" / "weight_stationary.yaml", *given)
    for name, some in (("all orders and schedules", FREE), ("weight stationary, one Einsum after another", rules)):
        for objective in ("latency", "energy"):
            seconds, best = timed(*given, objective, some)
            assert best.report is not None
            print(f"attention on tpu_v4i, {name}, {objective}: {seconds:.2f} CPU s (required: 2.5),"
                  f" {best.coverage.evaluated / seconds:,.0f} mappings bounded one by one and"
                  f" {best.coverage.space / seconds:.2g} decided per CPU s,"
                  f" {best.report.latency_s:.5e} s, {float(best.report.energy_j):.5e} J")  # fmt: skip
    for peer, seconds_, rate in PEERS:
        print(f"{peer}: {seconds_}, {rate} mapping evaluations per CPU s")
    lengths, einsums = growth()
    print("CPU s by length: " + ", ".join(f"{n // 1024}K {s:.2f}" for n, s in zip(LENGTHS, lengths, strict=True)))
    print("CPU s by independent Einsums: " + ", ".join(f"{n}: {s:.2f}" for n, s in zip(EINSUMS, einsums, strict=True)))
    draw(lengths, einsums, file)
    print(f"wrote {file}")
    print("latency/traffic against the published FuseMax binding, 1K to 1M tokens")
    published()


if __name__ == "__main__":
    main()
