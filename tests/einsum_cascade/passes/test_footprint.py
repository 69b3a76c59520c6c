"""What every mapping holds along the fiber, and for which reason."""

import pytest

from einsum_cascade import Cascade, load, read_cascades
from einsum_cascade.load import index
from einsum_cascade.passes.fibers import fiber, sequence
from einsum_cascade.passes.footprint import DERIVED, HANDED, REDUCED, REVISITED, RUNNING, STREAMED, TILE, footprint
from einsum_cascade.passes.survey import survey
from einsum_cascade.passes.sweeps import Sweeps

HEAD = "cascade: c\nranks: {K: 8}\ninputs: {A: [K], B: [K]}\noutputs: [Z]\n"


def live(einsums: str) -> dict[str, tuple[str, str, int]]:
    lines = "".join(f"  {line}\n" for line in einsums.split("\n"))
    found = survey(read_cascades(f"{HEAD}einsums: |\n{lines}")[0])
    return {t: (x.extent, x.reason, x.sweeps) for t, x in footprint(Sweeps(found, fiber(found, ("k",))), []).items()}


@pytest.mark.parametrize(
    ("einsums", "expected"),
    [
        ("Y[k] = A[k]\nZ[k] = Y[k]", {"A": ("1", STREAMED, 1), "Y": ("1", STREAMED, 1)}),
        ("Z[] = A[k]", {"A": ("1", STREAMED, 1), "Z": ("1", REDUCED, 1)}),
        ("Y[k+1] = Y[k] + A[k]\nZ[] = Y[K]", {"Y": ("1", RUNNING, 1), "A": ("1", STREAMED, 1)}),
        (
            "S[] = A[k]\nZ[k] = A[k] * S[]",
            {"A": ("K", REVISITED, 2), "S": ("1", REDUCED, 1)},
        ),
        (
            "S[] = A[k]\nT[] = A[k] * S[]\nZ[k] = A[k] * T[]",
            {"A": ("K", REVISITED, 3), "S": ("1", REDUCED, 1), "T": ("1", REDUCED, 1)},
        ),
        (
            "S[] = A[k]\nY[k] = 2 * A[k]\nX[k] = Y[k] * S[]\nZ[k] = X[k]",
            {"A": ("K", DERIVED, 2), "S": ("1", REDUCED, 1), "Y": ("1", STREAMED, 1), "X": ("1", STREAMED, 1)},
        ),
        (
            "Y[k] = exp(A[k])\nS[] = Y[k]\nZ[k] = Y[k] / S[]",
            {"A": ("1", STREAMED, 1), "Y": ("K", REVISITED, 2), "S": ("1", REDUCED, 1)},
        ),
    ],
)
def test_reasons(einsums: str, expected: dict[str, tuple[str, str, int]]) -> None:
    found = live(einsums)
    assert {t: found[t] for t in expected} == expected
    assert all(reason == STREAMED for t, (_, reason, _) in found.items() if t not in expected)


def analysed(name: str) -> tuple[Sweeps, list[Sweeps]]:
    found = survey(load(Cascade, name))
    along = sequence(found)
    assert along is not None
    whole = Sweeps(found, along)
    parts = {"parts": along.parts, "ranks": along.ranks, "spans": along.spans, "whole": along.whole, "base": along.base}
    return whole, [Sweeps(found, type(along)(**parts, level=k), whole) for k in range(1, len(along.parts))]


def test_tiles_and_what_is_handed_over() -> None:
    found = footprint(*analysed("attention_2pass"))
    reasons = {t: x.reason for t, x in found.items()}
    assert (reasons["BQK"], found["BQK"].level, found["BQK"].parts) == (TILE, 1, {1})
    assert (reasons["SLN"], reasons["SLD"]) == (HANDED, HANDED) and reasons["GM"] == REDUCED
    without = footprint(analysed("attention_2pass")[0], [])
    assert without["BQK"].reason == STREAMED and not without["BQK"].held


@pytest.mark.parametrize("name", sorted(n for n in index() if load(Cascade, n).sequence))
def test_every_further_pass_has_something_to_revisit(name: str) -> None:
    whole, tiles = analysed(name)
    found = footprint(whole, tiles)
    kept = [x for x in found.values() if x.level == 0 and x.sweeps > 1]
    assert bool(kept) >= (whole.passes > 1)
    assert all((x.extent == "1") == (not x.parts) for x in found.values())
    assert list(found) == [t for t in dict.fromkeys(
        t for s in whole.statements for t in (*(r.access.tensor for r in s.reads), s.name)) if t in found]  # fmt: skip
