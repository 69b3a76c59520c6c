"""A figure of measurements: the error of the output and of the attention weights, cascades and formats side by side."""

import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from archsim.numerics.measure import Measurement
from archsim.picture import MARKERS, PALETTE, STYLE, length_label, save

__all__ = ["draw_measurements"]

PANELS = (
    ("error_rms", "error of the output\n(RMS, relative)"),
    ("kl_mean", "divergence of the\nweights [nats]"),
)


EDGE = 0.985
"""Where markers of what the scale has not stand, as a part of the axis."""


def draw_measurements(measurements: Sequence[Measurement], title: str, file: Path) -> None:
    """Draw cascades along the axis, a marker a format, one column a length.

    A cross at the top stands where queries were lost, a hollow marker at an end of the scale for 0 or infinity.

    `file` ends in .png, .svg or .pdf.
    """
    cascades = list(dict.fromkeys(m.cascade for m in measurements))
    series = list(dict.fromkeys((m.format, m.exponential) for m in measurements))
    lengths = list(dict.fromkeys(m.length for m in measurements))
    panels = [p for p in PANELS if any(getattr(m, p[0]) for m in measurements)] or list(PANELS[:1])
    width = max(7.0, len(lengths) * (1.2 + len(cascades) * max(0.5, 0.13 * len(series))))
    with mpl.rc_context(STYLE):  # type: ignore[arg-type]
        canvas = Figure(figsize=(width, 1.8 + 2.7 * len(panels)), layout="constrained")
        axes = canvas.subplots(len(panels), len(lengths), sharex=True, sharey="row", squeeze=False)
        for row, (line, (quantity, label)) in enumerate(zip(axes, panels, strict=True)):
            for axis, length in zip(line, lengths, strict=True):
                own = [m for m in measurements if m.length == length]
                _panel(axis, own, quantity, cascades, series)
                if row == 0:
                    axis.set_title(f"{length_label(length)} keys")
            line[0].set_ylabel(label)
        several = len({e for _, e in series}) > 1
        for i, (name, unit) in enumerate(series):
            axes[0][0].plot([], [], MARKERS[i % len(MARKERS)], color=PALETTE[i % len(PALETTE)],
                            label=f"{name}, {unit}" if several else name)  # fmt: skip
        axes[0][0].plot([], [], "x", color="#444444", label="lost queries (large: all)")
        values = [getattr(m, quantity) for m in measurements for quantity, _ in panels]
        if any(v is not None and not 0 < v < math.inf for v in values):
            axes[0][0].plot([], [], "o", color="#444444", markerfacecolor="none", label="hollow: 0, or infinite (top)")
        canvas.legend(loc="outside lower center", ncols=min(4 if len(lengths) == 1 else 8, len(series) + 2))
        canvas.suptitle(title, x=0.01, ha="left", fontweight="bold")
        save(canvas, file, dpi=140)


def _panel(
    axis: Axes, own: Sequence[Measurement], quantity: str, cascades: list[str], series: list[tuple[str, str]]
) -> None:  # fmt: skip
    step = 0.8 / len(series)
    axis.set_yscale("log")
    for x in range(len(cascades) - 1):
        axis.axvline(x + 0.5, color="#EEEEEE", linewidth=0.8)
    for m in own:
        i = series.index((m.format, m.exponential))
        at, value = cascades.index(m.cascade) + (i - (len(series) - 1) / 2) * step, getattr(m, quantity)
        colour, marker = PALETTE[i % len(PALETTE)], MARKERS[i % len(MARKERS)]
        if value is not None and 0 < value < math.inf:
            axis.plot([at], [value], marker, color=colour, markersize=6)
        elif value is not None:  # off the scale: hollow, at its end
            end = EDGE if value > 0 else 1 - EDGE
            axis.plot([at], [end], marker, color=colour, markersize=6, markerfacecolor="none",
                      transform=axis.get_xaxis_transform(), clip_on=False)  # fmt: skip
        if m.lost:
            size = 9 if m.lost == m.queries else 5
            axis.plot([at], [EDGE], "x", color=colour, markersize=size, transform=axis.get_xaxis_transform(),
                      clip_on=False)  # fmt: skip
    common = _common_prefix(cascades)
    axis.set_xticks(range(len(cascades)), [c.removeprefix(common) for c in cascades], rotation=30, ha="right")
    axis.set_xlim(-0.5, len(cascades) - 0.5)


def _common_prefix(names: list[str]) -> str:
    """Return what most names start with, up to an underscore: it need not be repeated on the axis."""
    first = names[0].split("_")[0] + "_"
    return first if len(names) > 1 and all(n.startswith(first) and n != first for n in names) else ""
