"""Unions of conjunctions: intersection, difference, projection, disjoint form, fibers and enumeration."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import count as integers
from math import gcd, lcm, prod
from typing import TypeAlias

from .conjunction import Conj, bounds, build, floors, ranges, subtract
from .elimination import eliminations, is_empty, seen_empty
from .lattice_count import Unbounded
from .quasi import Affine, NotCountable, number, var
from .rational import feasible, ranges_of, relaxed
from .rewriting import isolate, lift, sides, solve, tightest, tightest_cases

Pieces: TypeAlias = "tuple[Conj, ...]"
Fibers: TypeAlias = "list[tuple[Pieces, Affine]]"

RESIDUES = 64  # a variable inside floors is split into at most this many residue classes
COMPARED = 40  # unions of more pieces are not searched for pieces inside other ones


def known(pieces: Iterable[Conj | None]) -> Pieces:
    """Keep what is not seen to be empty, once each.

    >>> known([None, Conj((), ()), Conj((), ())])
    (true,)
    """
    return tuple(dict.fromkeys(piece for piece in pieces if piece is not None))


def apart(left: Conj, right: Conj) -> bool:
    """Return whether two conjunctions are seen to have no common point.

    >>> m = var("m")
    >>> apart(Conj((), (m - 3,)), Conj((), (2 - m,))), apart(Conj((), (m - 3,)), Conj((), (3 - m,)))
    (True, False)
    """
    both = build(left.zero + right.zero, left.least + right.least)
    return both is None or seen_empty(both)


def intersect(left: Pieces, right: Pieces) -> Pieces:
    """Return the common points.

    >>> m = var("m")
    >>> intersect((Conj((), (m,)),), (Conj((), (m - 3,)), Conj((), (-1 - m,))))
    (m - 3 >= 0,)
    """
    return unite(known(build(a.zero + b.zero, a.least + b.least) for a in left for b in right))


def unite(pieces: Pieces) -> Pieces:
    """Drop pieces that are seen to be inside another one.

    >>> m = var("m")
    >>> unite((Conj((), (m - 3,)), Conj((), (m,))))
    (m >= 0,)
    """
    kept = list(dict.fromkeys(pieces))
    if not 1 < len(kept) <= COMPARED:
        return tuple(kept)
    for piece in list(kept):
        if any(other is not piece and next(subtract(piece, other), None) is None for other in kept):
            kept.remove(piece)
    return tuple(kept)


@lru_cache(maxsize=2048)
def without(pieces: Pieces, others: Pieces) -> Pieces:
    """Return the points of `pieces` outside `others`; disjoint where `pieces` are.

    >>> m = var("m")
    >>> without((Conj((), (m,)),), (Conj((), (m - 3, 5 - m)),))
    (m >= 0 and -m + 2 >= 0, m - 6 >= 0)
    """
    parts = list(pieces)
    for other in others:
        rest: list[Conj] = []
        for part in parts:
            if apart(part, other):
                rest.append(part)
            else:
                rest.extend(subtract(part, other))
        parts = [part for part in rest if not seen_empty(part)] if len(rest) > 4 else rest
    return tuple(parts)


@lru_cache(maxsize=2048)
def project(pieces: Pieces, drop: tuple[str, ...]) -> Pieces:
    """Return the points over the other variables that some values of the dropped ones complete.

    >>> m, p = var("m"), var("p")
    >>> project((Conj((), (m, p - 2 * m)),), ("m",))
    (p >= 0,)
    """
    return unite(known(result for piece in pieces for result in eliminations(piece, drop)))


@lru_cache(maxsize=2048)
def disjoint(pieces: Pieces) -> Pieces:
    """Return the same points as pieces without common points.

    >>> m = var("m")
    >>> disjoint((Conj((), (m, 5 - m)), Conj((), (m - 3, 8 - m))))
    (m >= 0 and -m + 5 >= 0, m - 6 >= 0 and -m + 8 >= 0)
    """
    if len(pieces) < 2:
        return pieces
    done: list[Conj] = []
    earlier: list[Conj] = []
    for piece in sorted(pieces, key=lambda each: len(each.zero) + len(each.least)):
        done += without((piece,), tuple(earlier))
        earlier.append(piece)
    return tuple(done)


def fiber(conj: Conj, name: str) -> list[tuple[Conj, Affine]]:
    """Return how many values of a variable complete the points over the others; the numbers at one point add up.

    >>> m, p = var("m"), var("p")
    >>> fiber(Conj((p - m - 3 * ((p - m) // 3),), (m, p - m)), "m")
    [(p >= 0, floor(p/3) + 1)]
    """
    rows = [isolate(form, [name]) for form in conj.least]
    zero, least, new, names = lift(conj.zero, rows, [name], {}, integers(1))
    state = build(zero, least + new)
    names = (name, *names)
    while state is not None and (found := solve(state, names)) is not None:
        each, value, extra = found
        if not value.factor(each):
            names = tuple(other for other in names if other != each)
        values = {each: value}
        ties = [form.substitute(values) for form in state.zero] + ([] if extra is None else [extra])
        state = build(ties, [form.substitute(values) for form in state.least])
    if state is None:
        return []
    if not names:
        return [(state, number(1))]
    return _interval(state, names[0]) if len(names) == 1 else _residues(conj, name)


def _interval(conj: Conj, name: str) -> list[tuple[Conj, Affine]]:
    """Split by which bounds are the tightest; between those the number is their difference and 1."""
    lower, upper, rest = sides(conj, name)
    if not lower or not upper:
        if is_empty(conj):
            return []
        raise Unbounded(f"{name} is not bounded")
    low_of, high_of = ranges(conj.least)
    lower, upper = tightest(lower, low_of, high_of), tightest(upper, low_of, high_of)
    out = []
    for (a, left), (b, right), rows in tightest_cases(lower, upper):
        domain = build(conj.zero, rest + rows)
        if domain is not None:
            out.append((domain, right // b + left // a + 1))
    return out


def _residues(conj: Conj, name: str) -> list[tuple[Conj, Affine]]:
    """Take a variable out of the floors that hold it directly by its residue classes."""
    period = 1
    for atom in floors([*conj.zero, *conj.least]):
        factor = atom.argument.factor(name)
        if factor:
            period = lcm(period, atom.divisor // gcd(atom.divisor, factor))
    if not 1 < period <= RESIDUES:
        raise NotCountable(f"the number of {name} is not a form of the other variables")
    out = []
    for residue in range(period):
        part = conj.substitute({name: period * var(name) + residue})
        if part is not None:
            out += fiber(part, name)
    return out


def refine(fibers: Fibers, domain: Conj, value: Affine) -> Fibers:
    """Add a number over a domain to numbers over disjoint sets.

    >>> m = var("m")
    >>> refine([((Conj((), (m, 5 - m)),), number(1))], Conj((), (m - 3, 5 - m)), m)
    [((m - 3 >= 0 and -m + 5 >= 0,), m + 1), ((m >= 0 and -m + 2 >= 0,), 1)]
    """
    out: Fibers = []
    rest: Pieces = (domain,)
    for pieces, each in fibers:
        common = tuple(piece for piece in intersect(pieces, (domain,)) if not seen_empty(piece))
        if not common:
            out.append((pieces, each))
            continue
        out.append((common, each + value))
        outside = without(pieces, (domain,))
        if outside:
            out.append((outside, each))
        rest = without(rest, pieces)
    if rest:
        out.append((rest, value))
    return out


def points(conj: Conj, names: tuple[str, ...]) -> Iterator[tuple[int, ...]]:
    """Yield the points of a conjunction one by one.

    >>> list(points(Conj((), (var("m"), 2 - var("m"))), ("m",)))
    [(0,), (1,), (2,)]
    """
    if not names:
        yield ()
        return
    span = _range(conj, names[0])
    for value in range(span[0], span[1] + 1):
        part = conj.substitute({names[0]: number(value)})
        if part is not None:
            for rest in points(part, names[1:]):
                yield (value, *rest)


def listed(pieces: Pieces, names: tuple[str, ...], most: int) -> set[tuple[int, ...]] | None:
    """Return the points where each piece is in a box of at most so many points; else None.

    >>> sorted(listed((Conj((), (var("m"), 2 - var("m"))),), ("m",), 5))
    [(0,), (1,), (2,)]
    """
    found: set[tuple[int, ...]] = set()
    for piece in pieces:
        ranges = [_range(piece, name) for name in names]
        if prod(high - low + 1 for low, high in ranges) > most:
            return None
        found.update(points(piece, names))
    return found


def _range(conj: Conj, name: str) -> tuple[int, int]:
    """Return bounds of a variable, by propagation if that is enough; (0, -1) where there is no point."""
    zero, least, new, _ = lift(conj.zero, conj.least, None, {}, integers(1))
    state = build(zero, least + new)
    if state is None:
        return 0, -1
    low, high = bounds(state, 10)
    if name in low and name in high:
        return low[name], high[name]
    found = ranges_of(state, [name])
    if found:
        return found[name].start, found[name].stop - 1
    if not feasible(relaxed(state)) or is_empty(state):
        return 0, -1
    raise Unbounded(f"{name} is not bounded")
