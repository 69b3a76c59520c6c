"""Exact rational bounds of forms over conjunctions, by linear programming over fractions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import ceil, gcd

from .conjunction import Conj, bounds, floors, strip
from .quasi import Affine, Atom

BRIEF = 60  # pivots for a question whose answer may be left open
PIVOTS = 5_000
Row = list[int]  # the constant, then a factor per column


def relaxed(conj: Conj) -> list[Affine]:
    """Return the forms of at least 0 that a conjunction gives when each floor is taken as a variable.

    >>> from einsum_cascade.points.quasi import var
    >>> relaxed(Conj((), (var("m") - 2 * (var("m") // 3),)))
    [m - 2*floor(m/3), m - 3*floor(m/3), -m + 3*floor(m/3) + 2]
    """
    rows = [*conj.least, *conj.zero, *[-form for form in conj.zero]]
    for atom in floors(rows):
        rows += strip(atom, Affine(0, ((atom, 1),)))
    return rows


def lower_bound(rows: Sequence[Affine], form: Affine, pivots: int = PIVOTS) -> int | None:
    """Return a bound below on an integer form where all of `rows` are at least 0; None where none is found.

    Rows that exclude each other give None too.

    >>> from einsum_cascade.points.quasi import var
    >>> a, b = var("a"), var("b")
    >>> lower_bound([a - 2 * b + 5, b - 2 * a], -a), lower_bound([a, b], a - b)
    (-1, None)
    """
    solved = _minimum(rows, form, pivots)
    return None if solved is None or solved[1] is None else ceil(solved[1])


def feasible(rows: Sequence[Affine], pivots: int = PIVOTS) -> bool:
    """Return whether some rational point makes all rows at least 0, or the search is too long.

    >>> from einsum_cascade.points.quasi import var
    >>> feasible([var("a") - var("b"), var("b") - var("a") - 1]), feasible([2 * var("a") - 1, 1 - 2 * var("a")])
    (False, True)
    """
    return _minimum(rows, Affine(0, ()), pivots) is not None


def _minimum(rows: Sequence[Affine], form: Affine, pivots: int) -> tuple[bool, Fraction | None] | None:
    """Return a pair of True and the minimum, if any; None where the rows exclude each other."""
    atoms: dict[Atom, int] = {}
    for each in (*rows, form):
        for atom, _ in each.terms:
            atoms.setdefault(atom, len(atoms) + 1)
    table = [_row(each, atoms) for each in rows]
    # the last entry of the goal is its denominator; a row may be scaled at will, as only its sign counts
    goal = [*_row(form, atoms), 1]
    unused = _free(table, goal, len(atoms))
    if any(goal[column] for column in unused):
        return True, None
    if unused:
        table = [[each for column, each in enumerate(row) if column not in unused] for row in table]
        goal = [each for column, each in enumerate(goal) if column not in unused]
    return _criss_cross(table, goal, pivots)


def _row(form: Affine, atoms: dict[Atom, int]) -> Row:
    row = [0] * (len(atoms) + 1)
    row[0] = form.constant
    for atom, factor in form.terms:
        row[atoms[atom]] = factor
    return row


def _free(table: list[Row], goal: Row, width: int) -> set[int]:
    """Put the slack of some row in the place of every variable, whose sign is free; that row goes.

    Returns
    -------
    The columns of the variables that no row mentions.
    """
    unused = set()
    for column in range(1, width + 1):
        index = next((index for index, row in enumerate(table) if row[column]), None)
        if index is None:
            unused.add(column)
            continue
        pivot = table.pop(index)
        size = _solve(pivot, column)
        for place, row in enumerate(table):
            table[place] = _replace(row, pivot, size, column)
        goal[:] = _replace_goal(goal, pivot, size, column)
    return unused


def _solve(row: Row, column: int) -> int:
    """Solve `slack = row` for a column's variable, in place up to a positive divisor, which is returned."""
    factor = row[column]
    if factor > 0:
        row[:] = [-each for each in row]
        row[column] = 1
    else:
        row[column] = -1
    return abs(factor)


def _replace(row: Row, pivot: Row, size: int, column: int) -> Row:
    factor = row[column]
    if not factor:
        return row
    row = [size * each + factor * other for each, other in zip(row, pivot, strict=True)]
    row[column] -= size * factor
    common = gcd(*row)
    return [each // common for each in row] if common > 1 else row


def _replace_goal(goal: Row, pivot: Row, size: int, column: int) -> Row:
    if not goal[column]:
        return goal
    factor = goal[column]
    made = [size * each + factor * other for each, other in zip(goal[:-1], pivot, strict=True)]
    made[column] -= size * factor
    made.append(goal[-1] * size)
    common = gcd(*made)
    return [each // common for each in made] if common > 1 else made


def _criss_cross(table: list[Row], goal: Row, pivots: int) -> tuple[bool, Fraction | None] | None:
    """Minimise over nonnegative variables by least-index criss-cross pivots."""
    width = len(goal) - 2
    outside = list(range(width))
    basic = list(range(width, width + len(table)))
    for _ in range(pivots):
        wrong = [(name, index, -1) for index, name in enumerate(basic) if table[index][0] < 0]
        wrong += [(name, -1, column + 1) for column, name in enumerate(outside) if goal[column + 1] < 0]
        if not wrong:
            return True, Fraction(goal[0], goal[-1])
        _, index, column = min(wrong)
        if index >= 0:
            able = [(name, place + 1) for place, name in enumerate(outside) if table[index][place + 1] > 0]
            if not able:
                return None
            column = min(able)[1]
        else:
            able = [(name, place) for place, name in enumerate(basic) if table[place][column] < 0]
            if not able:
                return True, None
            index = min(able)[1]
        pivot = table[index]
        size = _solve(pivot, column)
        for place, row in enumerate(table):
            if place != index:
                table[place] = _replace(row, pivot, size, column)
        goal = _replace_goal(goal, pivot, size, column)
        basic[index], outside[column - 1] = outside[column - 1], basic[index]
    return True, None


def reduce(conj: Conj) -> Conj | None:
    """Drop the inequalities that the others imply; None where the conjunction is seen to be empty.

    >>> from einsum_cascade.points.quasi import var
    >>> a, b, c = var("a"), var("b"), var("c")
    >>> reduce(Conj((), (b - a, c - b, c - a + 1)))
    -a + b >= 0 and -b + c >= 0
    """
    rows = relaxed(conj)
    if not feasible(rows, BRIEF):
        return None
    kept = list(conj.least)
    for form in sorted(conj.least, key=lambda each: -len(each.terms)):
        if len(form.terms) > 1:
            others = [each for each in rows if each is not form]
            bound = lower_bound(others, form, BRIEF)
            if bound is not None and bound >= 0:
                rows = others
                kept = [each for each in kept if each is not form]
    return Conj(conj.zero, tuple(kept))


def shortest(conj: Conj, names: Iterable[str], most: int) -> tuple[str, range] | None:
    """Return the variable with the shortest constant range and this, if it has at most so many values.

    >>> from einsum_cascade.points.quasi import var
    >>> shortest(Conj((), (var("a"), 7 - var("b") - var("a"), var("b") - 3)), ["a", "b"], 10)
    ('a', range(0, 5))
    """
    low, high = bounds(conj)
    sizes = [(high[name] - low[name] + 1, name) for name in names if name in low and name in high]
    if sizes and min(sizes)[0] <= most:
        name = min(sizes)[1]
        return name, range(low[name], high[name] + 1)
    exact = ranges_of(conj, names)
    best = min(exact, key=lambda each: exact[each].stop - exact[each].start, default=None)
    return None if best is None or exact[best].stop - exact[best].start > most else (best, exact[best])


def ranges_of(conj: Conj, names: Iterable[str]) -> dict[str, range]:
    """Return the constant ranges of the variables that have one.

    >>> from einsum_cascade.points.quasi import var
    >>> a, b = var("a"), var("b")
    >>> ranges_of(Conj((), (b - 2 * a, a, 7 - b - a)), ["a", "b", "c"])
    {'a': range(0, 3), 'b': range(0, 8)}
    """
    rows = relaxed(conj)
    out = {}
    for name in names:
        form = Affine(0, ((name, 1),))
        low = lower_bound(rows, form)
        high = None if low is None else lower_bound(rows, -form)
        if low is not None and high is not None:
            out[name] = range(low, 1 - high)
    return out
