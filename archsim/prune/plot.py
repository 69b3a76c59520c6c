"""A figure of what pruning keeps, layer by layer: live keys, values and heads, and bytes against a dense layer."""

from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import MaxNLocator

from archsim.picture import PALETTE, STYLE, save
from archsim.prune.pruning import Pruning

__all__ = ["draw"]


def draw(given: Pruning, bits: float, file: Path) -> None:
    """Draw the layers of a schedule or a trace into a file, by its suffix; dense words have `bits`."""
    rows = given.by_layer()
    layers = [r["layer"] for r in rows]
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        canvas = Canvas(figsize=(9, 6.2))
        counts, heads, traffic = canvas.subplots(3, 1, sharex=True, height_ratios=[3, 1, 2])
        canvas.subplots_adjust(left=0.1, right=0.985, top=0.87, bottom=0.12, hspace=0.28)
        for name, label, colour in (
            ("tokens", "tokens before pruning", "#DDDDDD"), ("keys", "live keys", PALETTE[1]),
            ("values", "values a query uses", PALETTE[0]),
        ):  # fmt: skip
            counts.bar(layers, [r[name] for r in rows], 0.8, color=colour, label=label)
        counts.set_ylabel("keys, mean of live heads")
        counts.legend(ncols=3, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0)
        heads.bar(layers, [r["dense_heads"] for r in rows], 0.8, color="#DDDDDD")
        heads.bar(layers, [r["heads"] for r in rows], 0.8, color=PALETTE[2])
        heads.set_ylabel("live heads")
        ratio = [given.take(given.layer == layer).bytes_ratio(bits) for layer in layers]
        traffic.plot(layers, ratio, marker="o", color=PALETTE[4], markersize=5, linewidth=1.2)
        traffic.axhline(given.bytes_ratio(bits), color="#444444", linewidth=0.8, linestyle="--")
        traffic.annotate(
            f"all layers: {given.bytes_ratio(bits):.3g}x", (layers[-1], given.bytes_ratio(bits)), (0, 3),
            textcoords="offset points", ha="right", va="bottom", color="#444444",
        )  # fmt: skip
        traffic.set_ylim(0)
        traffic.set_ylabel(f"dense {bits:g}-bit bytes /\nfetched bytes")
        traffic.set_xlabel("layer")
        traffic.set_xlim(min(layers) - 0.6, max(layers) + 0.6)
        traffic.xaxis.set_major_locator(MaxNLocator(integer=True))
        canvas.suptitle(f"{given.name}: what pruning keeps", x=0.01, ha="left", fontsize=12, fontweight="bold")
        canvas.text(0.01, 0.015, f"Source: {given.source}", color="#444444", fontsize=7, wrap=True)
        save(canvas, file, dpi=120)
