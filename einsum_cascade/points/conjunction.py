"""Conjunctions of quasi-affine constraints: normal form, cheap pruning and subtraction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from math import gcd
from typing import NamedTuple

from .quasi import Affine, Atom, Floor, affine, combine


class Conj(NamedTuple):
    """Every form of `zero` is 0 and every form of `least` is at least 0; made by `build`.

    >>> from einsum_cascade.points.quasi import var
    >>> build([], [var("m"), 3 - 2 * var("m")])
    m >= 0 and -m + 1 >= 0
    """

    zero: tuple[Affine, ...]
    least: tuple[Affine, ...]

    def variables(self) -> frozenset[str]:
        """Return the names that some constraint mentions."""
        names: frozenset[str] = frozenset()
        return names.union(*[form.variables() for form in self.zero + self.least])

    def holds(self, point: Mapping[str, int]) -> bool:
        """Return whether a point satisfies every constraint."""
        return all(not form.evaluate(point) for form in self.zero) and all(
            form.evaluate(point) >= 0 for form in self.least
        )

    def substitute(self, values: Mapping[str, Affine]) -> Conj | None:
        """Replace variables by forms; None where that is seen to be empty."""
        return build([form.substitute(values) for form in self.zero], [form.substitute(values) for form in self.least])

    def __repr__(self) -> str:
        parts = [f"{form} == 0" for form in self.zero] + [f"{form} >= 0" for form in self.least]
        return " and ".join(parts) if parts else "true"


TRUE = Conj((), ())


def extreme(form: Affine, low: Mapping[str, int], high: Mapping[str, int], sign: int = 1) -> int | None:
    """Return a bound below (`sign` 1) or above (-1) on a form over a box; None where there is none.

    >>> from einsum_cascade.points.quasi import var
    >>> extreme(2 * var("m") - var("p") // 4, {"m": 1}, {"p": 9})
    0
    """
    total = form.constant
    for atom, factor in form.terms:
        if isinstance(atom, str):
            bound = (low if factor * sign > 0 else high).get(atom)
        else:
            bound = extreme(atom.argument, low, high, sign if factor > 0 else -sign)
            if bound is not None:
                bound //= atom.divisor
        if bound is None:
            return None
        total += factor * bound
    return total


def _tighten(form: Affine) -> Affine:
    """Normalise `form >= 0`: divide by the common factor, remove floors that stand alone with factor 1 or -1."""
    while form.terms:
        common = gcd(*[factor for _, factor in form.terms])
        if common > 1:
            form = Affine(form.constant // common, tuple([(atom, factor // common) for atom, factor in form.terms]))
        for atom, factor in form.terms:
            if not isinstance(atom, str) and -1 <= factor <= 1:
                rest = combine(1, form, -factor, Affine(0, ((atom, 1),)))
                spare = 0 if factor > 0 else atom.divisor - 1
                form = combine(atom.divisor, rest, factor, atom.argument) + spare
                break
        else:
            break
    return form


def _equality(form: Affine) -> Affine | None:
    """Normalise `form == 0`; None where the common factor of the terms does not divide the constant."""
    if not form.terms:
        return None if form.constant else form
    common = gcd(*[factor for _, factor in form.terms])
    if form.constant % common:
        return None
    if form.terms[0][1] < 0:
        common = -common
    if common == 1:
        return form
    return Affine(form.constant // common, tuple([(atom, factor // common) for atom, factor in form.terms]))


def floors(forms: Iterable[Affine]) -> dict[Floor, None]:
    """Return the floors that occur, nested ones too, innermost first.

    >>> from einsum_cascade.points.quasi import var
    >>> list(floors([(var("m") // 4 + var("p")) // 3]))
    [floor(m/4), floor((p + floor(m/4))/3)]
    """
    found: dict[Floor, None] = {}
    for form in forms:
        for atom, _ in form.terms:
            if not isinstance(atom, str) and atom not in found:
                found |= floors([atom.argument])
                found[atom] = None
    return found


def strip(atom: Floor, value: Affine) -> tuple[Affine, Affine]:
    """Return the two forms that are at least 0 where `value` is the value of a floor.

    >>> from einsum_cascade.points.quasi import var
    >>> strip((var("m") // 4).terms[0][0], var("t"))
    (m - 4*t, -m + 4*t + 3)
    """
    below = combine(1, atom.argument, -atom.divisor, value)
    return below, atom.divisor - 1 - below


def build(zero: Iterable[Affine], least: Iterable[Affine]) -> Conj | None:
    """Normalise a conjunction, dropping what is cheaply seen to be implied; None where it is seen to be empty.

    >>> from einsum_cascade.points.quasi import var
    >>> m, p = var("m"), var("p")
    >>> build([], [m, 7 - m, p - m, m - p, p - m + 2])
    m - p == 0 and m >= 0 and -m + 7 >= 0
    >>> build([], [m - 3, 2 - m])
    """
    equal: dict[tuple[tuple[Atom, int], ...], Affine] = {}
    tight: dict[tuple[tuple[Atom, int], ...], Affine] = {}
    pending, rows = [], list(least)
    for form in zero:
        normal = _equality(form)
        if normal is None:
            return None
        alone = normal.terms[0][0] if len(normal.terms) == 1 else ""
        if isinstance(alone, Floor):
            rows += strip(alone, Affine(-normal.constant, ()))
        elif normal.terms:
            pending.append(normal)
    for form in rows:
        form = _tighten(form)
        if not form.terms:
            if form.constant < 0:
                return None
        elif form.terms not in tight or tight[form.terms].constant > form.constant:
            tight[form.terms] = form
    for form in list(tight.values()):
        flipped = tight.get((-form).terms)
        if flipped is not None and form.terms in tight:
            if form.constant + flipped.constant < 0:
                return None
            if form.constant + flipped.constant == 0:
                del tight[form.terms], tight[flipped.terms]
                pending.append(form)
    for form in pending:
        if form.terms[0][1] < 0:
            form = -form
        if equal.setdefault(form.terms, form).constant != form.constant:
            return None
    fixed = {form.terms[0][0]: form for form in equal.values() if len(form.terms) == 1}
    values = {name: Affine(-form.constant, ()) for name, form in fixed.items() if isinstance(name, str)}
    rest = [form for form in equal.values() if form.terms[0][0] not in values or len(form.terms) > 1]
    if values and any(not form.variables().isdisjoint(values) for form in (*rest, *tight.values())):
        result = build([f.substitute(values) for f in rest], [f.substitute(values) for f in tight.values()])
        return result and Conj((*[fixed[name] for name in values], *result.zero), result.least)
    return _prune(tuple(equal.values()), list(tight.values()))


def _prune(zero: tuple[Affine, ...], least: list[Affine]) -> Conj | None:
    single = [form for form in least if len(form.terms) == 1]  # no floor stands alone in a normal form
    multi = [form for form in least if len(form.terms) > 1]
    low, high = ranges(single)
    if not multi and not any(form.terms[1:] for form in zero):
        return Conj(zero, tuple(single))
    for form in zero:
        if len(form.terms) == 1 and isinstance(form.terms[0][0], str):
            low[form.terms[0][0]] = high[form.terms[0][0]] = -form.constant
    alive = []
    for form in multi:
        bound = extreme(form, low, high)
        if bound is None or bound < 0:
            top = extreme(form, low, high, -1)
            if top is not None and top < 0:
                return None
            alive.append(form)
    for form in zero:
        lowest, highest = extreme(form, low, high), extreme(form, low, high, -1)
        if (lowest is not None and lowest > 0) or (highest is not None and highest < 0):
            return None
    known = [form for form in zero if len(form.terms) > 1]
    known += [-form for form in known]
    for atom in floors([*zero, *alive]):
        known += strip(atom, Affine(0, ((atom, 1),)))
    kept = _pairs(alive, known, low, high)
    return None if kept is None else Conj(zero, tuple(single + kept))


def _pairs(
    alive: list[Affine], known: list[Affine], low: Mapping[str, int], high: Mapping[str, int]
) -> list[Affine] | None:
    """Drop constraints that another one implies over the box; None where two exclude each other."""
    kept = list(alive)
    for form in alive:
        signs = {atom: factor > 0 for atom, factor in form.terms}
        for other in [*kept, *known]:
            if other is form:
                continue
            seen = {signs[atom] == (factor > 0) for atom, factor in other.terms if atom in signs}
            if True in seen:
                bound = extreme(combine(1, form, -1, other), low, high)
                if bound is not None and bound >= 0:
                    kept = [each for each in kept if each is not form]
                    break
            if False in seen:
                top = extreme(combine(1, form, 1, other), low, high, -1)
                if top is not None and top < 0:
                    return None
    return kept


def ranges(least: Iterable[Affine]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the constant bounds that normal constraints of one variable state.

    >>> from einsum_cascade.points.quasi import var
    >>> ranges([var("m"), 7 - var("p"), var("p") - var("m")])
    ({'m': 0}, {'p': 7})
    """
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    for form in least:
        if len(form.terms) == 1:
            atom, factor = form.terms[0]
            if isinstance(atom, str):
                if factor > 0:
                    low[atom] = -form.constant
                else:
                    high[atom] = form.constant
    return low, high


def bounds(conj: Conj, rounds: int = 3) -> tuple[dict[str, int], dict[str, int]]:
    """Return constant bounds of the variables outside floors, as found by a few rounds of propagation.

    >>> from einsum_cascade.points.quasi import var
    >>> m, p = var("m"), var("p")
    >>> bounds(build([], [m, 7 - p, p - 2 * m]))
    ({'m': 0, 'p': 0}, {'p': 7, 'm': 3})
    """
    low: dict[str, int] = {}
    high: dict[str, int] = {}
    rows = [*conj.least, *conj.zero, *[-form for form in conj.zero]]
    for _ in range(rounds):
        changed = False
        for form in rows:
            for atom, factor in form.terms:
                if not isinstance(atom, str):
                    continue
                rest = affine(form.constant, {a: f for a, f in form.terms if a != atom})
                top = extreme(rest, low, high, -1)
                if top is None:
                    continue
                if factor > 0:
                    value = -(top // factor)
                    if atom not in low or low[atom] < value:
                        low[atom] = value
                        changed = True
                elif atom not in high or high[atom] > top // -factor:
                    high[atom] = top // -factor
                    changed = True
        if not changed:
            break
    return low, high


def subtract(left: Conj, right: Conj) -> Iterator[Conj]:
    """Yield disjoint conjunctions that make up `left` without `right`.

    >>> from einsum_cascade.points.quasi import var
    >>> m = var("m")
    >>> list(subtract(build([], [m, 9 - m]), build([], [m - 3, 5 - m])))
    [m >= 0 and -m + 2 >= 0, m - 6 >= 0 and -m + 9 >= 0]
    """
    base = left
    for form in right.zero:
        for side in (form - 1, -form - 1):
            piece = build(base.zero, (*base.least, side))
            if piece is not None:
                yield piece
        inside = build((*base.zero, form), base.least)
        if inside is None:
            return
        base = inside
    for form in right.least:
        piece = build(base.zero, (*base.least, -form - 1))
        if piece is None:
            continue
        yield piece
        inside = build(base.zero, (*base.least, form))
        if inside is None:
            return
        base = inside
