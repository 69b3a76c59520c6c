"""Rewriting constraints for the variable that is about to go: floors lifted, equalities solved, bounds compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import count
from typing import TypeAlias

from .conjunction import Conj, extreme, strip
from .quasi import Affine, Atom, Floor, affine, combine, var

Side: TypeAlias = "list[tuple[int, Affine]]"


def lift(
    zero: Iterable[Affine],
    least: Iterable[Affine],
    drop: Iterable[str] | None,
    known: dict[Floor, str],
    numbers: count[int],
) -> tuple[list[Affine], list[Affine], list[Affine], tuple[str, ...]]:
    """Replace floors by fresh variables, each of which its floor's two constraints determine.

    Parameters
    ----------
    zero, least
        The forms that are 0 and those that are at least 0.
    drop
        Only the floors that mention one of these names are replaced; all where it is None.
    known
        Floors that have a variable already; the new ones are added.
    numbers
        The source of fresh names.

    Returns
    -------
    The forms with the floors replaced, the forms of at least 0 for the fresh variables, and their names.

    >>> lift([], [var("m") // 4 - 2 * var("p")], None, {}, count(1))
    ([], [$1 - 2*p], [-4*$1 + m, 4*$1 - m + 3], ('$1',))
    """
    wanted = None if drop is None else set(drop)
    added: list[str] = []
    new: list[Affine] = []

    def walk(form: Affine) -> Affine:
        out = form
        for atom, factor in form.terms:
            if isinstance(atom, str) or not (wanted is None or atom.variables & wanted):
                continue
            if atom not in known:
                argument = walk(atom.argument)
                name = f"${next(numbers)}"
                known[atom] = name
                added.append(name)
                new.extend(strip(Floor(argument, atom.divisor), var(name)))
            out = combine(1, out, factor, affine(0, {known[atom]: 1, atom: -1}))
        return out

    equal, rows = [walk(form) for form in zero], [walk(form) for form in least]
    return equal, rows, new, tuple(added)


def names_in(atom: Atom) -> frozenset[str]:
    """Return the variables of an atom.

    >>> names_in("m"), names_in((var("m") // 4).terms[0][0])
    (frozenset({'m'}), frozenset({'m'}))
    """
    return frozenset((atom,)) if isinstance(atom, str) else atom.variables


def isolate(form: Affine, names: Iterable[str]) -> Affine:
    """Rewrite `form >= 0`, where only one floor mentions the names, so that its argument stands alone.

    >>> m, p = var("m"), var("p")
    >>> isolate(8 * (p // 8) - m + 7, ["p"])
    p - 8*floor(m/8)
    """
    wanted = frozenset(names)
    while True:
        inside = [(atom, factor) for atom, factor in form.terms if not wanted.isdisjoint(names_in(atom))]
        if len(inside) != 1:
            return form
        atom, factor = inside[0]
        if isinstance(atom, str):
            return form
        # floor(e / d) >= -floor(r / f) for f > 0, and floor(e / d) <= floor(r / -f) for f < 0
        limit = atom.divisor * (combine(1, form, -factor, Affine(0, ((atom, 1),))) // abs(factor))
        form = atom.argument + limit if factor > 0 else limit + (atom.divisor - 1) - atom.argument


def solve(conj: Conj, drop: Sequence[str]) -> tuple[str, Affine, Affine | None] | None:
    """Find how an equality determines, or reduces, one of the variables to drop.

    Returns
    -------
    The name, the form to put in its place, and a form that must be 0 besides; where the name itself
    occurs in its form, the step only changes the variable. None where no equality mentions one.

    >>> solve(Conj((var("a") + 2 * var("x"),), ()), ["x"])
    ('x', -floor(a/2), a - 2*floor(a/2))
    """
    best: tuple[int, int, int, str, Affine] | None = None
    for form in conj.zero:
        mine = [(abs(form.factor(name)), name) for name in drop if form.factor(name)]
        if mine:
            size, name = min(mine)
            rank = (size, len(mine), len(form.terms), name, form)
            if best is None or rank[:3] < best[:3]:
                best = rank
    if best is None:
        return None
    size, several, _, name, form = best
    factor = form.factor(name)
    rest = combine(1, form, -factor, var(name))
    if size == 1:
        return name, rest * -factor, None
    if several == 1:
        quotient = rest // size
        return name, quotient * (-size // factor), combine(1, rest, -size, quotient)
    others: dict[Atom, int] = {
        other: -((2 * form.factor(other) + factor) // (2 * factor)) for other in drop if other != name
    }
    return name, affine(0, others | {name: 1}), None


def tightest(side: Side, low: Mapping[str, int], high: Mapping[str, int]) -> Side:
    """Drop the bounds `floor(form / size)` that are never below another one over a box.

    >>> from einsum_cascade.points.quasi import number
    >>> tightest([(1, var("p")), (1, number(7)), (2, number(20))], {}, {"p": 7})
    [(1, p)]
    """
    kept = list(side)
    for index, (a, form) in enumerate(side if len(side) > 1 else []):
        for b, other in kept:
            if other is not form:
                gap = extreme(combine(b, form, -a, other), low, high)
                if gap is not None and gap >= (1 - b if a == 1 else 0):  # floor(o / b) <= f as soon as o <= b*f + b-1
                    kept = [each for each in kept if each is not side[index]]
                    break
    return kept


def tightest_cases(lower: Side, upper: Side) -> Iterator[tuple[tuple[int, Affine], tuple[int, Affine], list[Affine]]]:
    """Yield every pair of bounds with the constraints, exclusive ones, that these are the tightest.

    They are compared as rationals, so that no floors come in: there is an integer between them or
    the rounded lower one is the rounded upper one and 1.

    >>> list(tightest_cases([(1, var("a"))], [(1, var("p")), (2, var("q"))]))
    [((1, a), (1, p), [a + p, -2*p + q]), ((1, a), (2, q), [2*a + q, 2*p - q - 1])]
    """
    for i, (a, left) in enumerate(lower):
        below = [combine(a, other, -c, left) - (k < i) for k, (c, other) in enumerate(lower) if k != i]
        for j, (b, right) in enumerate(upper):
            above = [combine(b, other, -c, right) - (k < j) for k, (c, other) in enumerate(upper) if k != j]
            yield (a, left), (b, right), [combine(a, right, b, left), *below, *above]


def sides(conj: Conj, name: str) -> tuple[Side, Side, list[Affine]]:
    """Split the inequalities by a variable: `a*x + l >= 0`, `-b*x + u >= 0` and those without it.

    >>> m, p = var("m"), var("p")
    >>> sides(Conj((), (m - p, 7 - 2 * m, p)), "m")
    ([(1, -p)], [(2, 7)], [p])
    """
    lower: Side = []
    upper: Side = []
    rest: list[Affine] = []
    for form in conj.least:
        factor = form.factor(name)
        if not factor:
            rest.append(form)
            continue
        without = affine(form.constant, {atom: each for atom, each in form.terms if atom != name})
        if factor > 0:
            lower.append((factor, without))
        else:
            upper.append((-factor, without))
    return lower, upper, rest


def clean(form: Affine, size: int, names: Sequence[str]) -> bool:
    """Return whether no floor of `form // size` mentions one of the names.

    >>> clean(4 * var("x") + var("y"), 2, ["x"]), clean(4 * var("x") + var("y"), 2, ["y"])
    (True, False)
    """
    return not any(factor % size and atom in names for atom, factor in form.terms)
