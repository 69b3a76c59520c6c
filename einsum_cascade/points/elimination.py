"""Exact elimination of integer variables from conjunctions: projection and emptiness."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from .conjunction import Conj, bounds, build, extreme
from .quasi import Affine, NotCountable, combine, number, var
from .rational import reduce, shortest
from .rewriting import Side, clean, isolate, lift, sides, solve

FRESH = 12  # fresh variables that one elimination may bring in along one path
REDUCED = 5  # results with more inequalities are searched for those that the others imply
WIDE = 10  # and so are conjunctions on the way
SPLINTERS = 12  # equalities that one inexact step may split into
SHORT = 8  # a variable of so few values is enumerated where a step is inexact
ENUMERATED = 64
STATES = 2000
BRIEF = 30


class Shadow(NamedTuple):
    """A variable to eliminate: its bounds, the other inequalities, and how many pairs need floors of dropped ones."""

    name: str
    lower: Side
    upper: Side
    rest: list[Affine]
    inexact: int


def _choose(conj: Conj, drop: Sequence[str]) -> Shadow | None:
    """Choose the variable whose elimination is cheapest."""
    best: Shadow | None = None
    least = (0, 0)
    for name in drop:
        lower, upper, rest = sides(conj, name)
        if not lower and not upper:
            continue
        bad = 0
        if lower and upper:
            rough = sum(1 for size, form in lower if not clean(form, size, drop))
            bad = rough and rough * sum(1 for size, form in upper if not clean(form, size, drop))
        cost = (bad, len(lower) * len(upper) - len(lower) - len(upper))
        if best is None or cost < least:
            best, least = Shadow(name, lower, upper, rest, bad), cost
    return best


def _shadow(zero: tuple[Affine, ...], of: Shadow, drop: Sequence[str]) -> list[Affine]:
    """Return what every pair of bounds asks for: `floor(u / b) + floor(l / a) >= 0`."""
    low, high = bounds(Conj(zero, tuple(of.rest)), 1)
    rows = list(of.rest)
    below = sum(1 for size, form in of.lower if not clean(form, size, drop))
    above = sum(1 for size, form in of.upper if not clean(form, size, drop))
    for a, left in of.lower:
        for b, right in of.upper:
            if a == 1 or b == 1:
                rows.append(combine(a, right, b, left))
                continue
            lowest = extreme(combine(a, right, b, left), low, high)
            if lowest is not None and lowest >= (a - 1) * (b - 1):
                continue
            if clean(left, a, drop) or (not clean(right, b, drop) and below < above):
                rows.append(combine(1, right, b, left // a))
            else:
                rows.append(combine(1, left, a, right // b))
    return rows


def _splinters(conj: Conj, of: Shadow) -> list[tuple[list[Affine], list[Affine]]] | None:
    """Split an inexact step into its dark shadow and equalities; None where these are many."""
    widest = max(size for size, _ in of.upper), max(size for size, _ in of.lower)
    below = [(range((a - 1) - (a + widest[0] - 1) // widest[0] + 1), left, a) for a, left in of.lower if a > 1]
    above = [(range((b - 1) - (b + widest[1] - 1) // widest[1] + 1), right, -b) for b, right in of.upper if b > 1]
    side = min(below, above, key=lambda each: sum(len(steps) for steps, _, _ in each))
    if sum(len(steps) for steps, _, _ in side) > SPLINTERS:
        return None
    dark = [
        combine(a, right, b, left) - (a - 1) * (b - 1)  #
        for a, left in of.lower
        for b, right in of.upper
    ]
    parts = [(list(conj.zero), of.rest + dark)]
    for steps, form, factor in side:
        equal = combine(1, form, factor, var(of.name))
        parts += [([*conj.zero, equal - step], list(conj.least)) for step in steps]
    return parts


class _Elimination:
    """The conjunctions of one elimination that still have variables to drop."""

    def __init__(self, conj: Conj, drop: tuple[str, ...]) -> None:
        self.numbers = count(1)
        self.stack: list[tuple[Conj, tuple[str, ...], int]] = []
        self.push(conj.zero, [isolate(form, drop) for form in conj.least], drop, None)

    def push(self, zero: Iterable[Affine], least: Iterable[Affine], names: tuple[str, ...], fuel: int | None) -> None:
        """Add a conjunction with the variables to drop from it and the number of fresh ones it may still bring in."""
        equal, rows, new, added = lift(zero, least, names, {}, self.numbers)
        state = build(equal, rows + new)
        if state is not None and len(state.least) > WIDE:
            state = reduce(state)
        if state is not None:
            self.stack.append((state, names + added, FRESH if fuel is None else fuel - len(added)))

    def substitute(self, state: Conj, name: str, value: Affine, names: tuple[str, ...], fuel: int) -> None:
        """Add a conjunction with a form in the place of a variable."""
        values = {name: value}
        left = names if value.factor(name) else tuple(each for each in names if each != name)
        zero = [form.substitute(values) for form in state.zero]
        self.push(zero, [form.substitute(values) for form in state.least], left, fuel)

    def step(self, state: Conj, names: tuple[str, ...], fuel: int, of: Shadow) -> None:
        """Eliminate one variable by its bounds; where that is not exact, enumerate, split or bring in fresh ones."""
        left = tuple(each for each in names if each != of.name)
        if of.inexact:
            parts = _splinters(state, of)
            short = shortest(state, names, len(parts) if parts else SHORT if fuel > 0 else ENUMERATED)
            if short is not None:
                for value in reversed(short[1]):
                    self.substitute(state, short[0], number(value), names, fuel)
                return
            if parts is not None:
                for equal, rows in parts[1:]:
                    self.push(equal, rows, names, fuel)
                self.push(*parts[0], left, fuel)
                return
            if fuel <= 0:
                raise NotCountable(f"cannot drop {', '.join(names)} exactly")
        self.push(state.zero, _shadow(state.zero, of, left), left, fuel)


def eliminations(conj: Conj, drop: Iterable[str], states: int = STATES) -> Iterator[Conj]:
    """Yield conjunctions, perhaps overlapping, whose union is the projection that drops variables.

    >>> m0, m1, p = var("m0"), var("m1"), var("p")
    >>> list(eliminations(Conj((), (m0, 3 - m0, p - 4 * m1 - m0)), ["m0"]))
    [-4*m1 + p >= 0]
    """
    work = _Elimination(conj, tuple(drop))
    for _ in range(states):
        if not work.stack:
            return
        state, names, fuel = work.stack.pop()
        found = solve(state, names)
        if found is not None:
            name, value, extra = found
            work.substitute(
                state if extra is None else Conj((*state.zero, extra), state.least), name, value, names, fuel
            )
            continue
        chosen = _choose(state, names)
        if chosen is not None and chosen.inexact:
            reduced = reduce(state)
            if reduced is None:
                continue
            state, chosen = reduced, _choose(reduced, names)
        if chosen is not None:
            work.step(state, names, fuel, chosen)
            continue
        result = reduce(state) if len(state.least) > REDUCED else state
        if result is not None:
            yield result
    raise NotCountable("too many cases to drop variables")


@lru_cache(maxsize=4096)
def is_empty(conj: Conj) -> bool:
    """Return whether no integer point satisfies a conjunction.

    >>> m, p = var("m"), var("p")
    >>> is_empty(Conj((2 * m - 4 * p - 1,), ())), is_empty(Conj((), (m - p, p - m // 2)))
    (True, False)
    """
    return next(eliminations(conj, sorted(conj.variables())), None) is None


@lru_cache(maxsize=4096)
def seen_empty(conj: Conj) -> bool:
    """Return whether a conjunction is found to be empty within a few steps.

    >>> seen_empty(Conj((2 * var("m") - 1,), ())), seen_empty(Conj((), (var("m"),)))
    (True, False)
    """
    try:
        return next(eliminations(conj, sorted(conj.variables()), BRIEF), None) is None
    except NotCountable:
        return False
