"""The house style of figures, and how one gets into a file."""

import io
from pathlib import Path

from matplotlib.figure import Figure

from archsim.show import write_bytes

__all__ = ["MARKERS", "PALETTE", "STYLE", "length_label", "save"]

STYLE = {
    "font.size": 9, "axes.titlesize": 10, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.grid.axis": "y", "axes.axisbelow": True, "grid.color": "#DDDDDD", "legend.frameon": False,
    "svg.hashsalt": "archsim", "svg.fonttype": "none",
}  # fmt: skip
# Tol's muted palette (2021), which the colour-blind tell apart.
PALETTE = ("#332288", "#88CCEE", "#117733", "#DDCC77", "#CC6677", "#AA4499", "#44AA99", "#882255", "#999933")
MARKERS = "osD^vP"
# The same figure gives the same bytes: no file says when it was drawn.
DATES = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}


def save(figure: Figure, file: Path, dpi: float) -> None:
    """Write a figure, whole or not at all, in the format of the file's suffix: .png, .svg or .pdf.

    `dpi`: dots per inch of a .png. Raises SpecError if the file cannot be written.
    """
    stream, kind = io.BytesIO(), file.suffix.lstrip(".").lower()
    figure.savefig(stream, format=kind, dpi=dpi, metadata=DATES.get(kind))
    write_bytes(file, stream.getvalue())


def length_label(tokens: float) -> str:
    """Format a sequence length.

    >>> length_label(1024), length_label(2**20), length_label(1000)
    ('1K', '1M', '1000')
    """
    for unit, size in (("M", 2**20), ("K", 2**10)):
        if tokens and tokens % size == 0:
            return f"{tokens // size:g}{unit}"
    return f"{tokens:g}"
