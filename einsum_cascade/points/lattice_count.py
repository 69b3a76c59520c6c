"""Count the integer points of a conjunction exactly: polynomials summed out one variable after another."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache
from itertools import count as integers
from math import comb, lcm
from typing import TypeAlias

from .conjunction import Conj, build, ranges
from .elimination import is_empty
from .quasi import Affine, Floor, NotCountable, number
from .rational import reduce, shortest
from .rewriting import Side, lift, sides, solve, tightest, tightest_cases

Monomial: TypeAlias = "tuple[tuple[str, int], ...]"
Poly: TypeAlias = "dict[Monomial, int]"

CASES = 3_000
SHORT = 64  # a variable of so few values is enumerated rather than summed with fresh variables
FRESH = 12  # fresh variables that one case may bring in before a variable is enumerated instead
ENUMERATED = 100_000


class Unbounded(ValueError):
    """A set with infinitely many points was to be counted.

    >>> raise Unbounded("p is not bounded")
    Traceback (most recent call last):
    ...
    einsum_cascade.points.lattice_count.Unbounded: p is not bounded
    """


def _times(left: Poly, right: Poly) -> Poly:
    out: Poly = {}
    for one, a in left.items():
        for two, b in right.items():
            if not one or not two:
                key = one or two
            else:
                powers = dict(one)
                for name, power in two:
                    powers[name] = powers.get(name, 0) + power
                key = tuple(sorted(powers.items()))
            out[key] = out.get(key, 0) + a * b
    return out


def _add(total: Poly, other: Poly, factor: int = 1) -> None:
    for key, value in other.items():
        new = total.get(key, 0) + factor * value
        if new:
            total[key] = new
        else:
            total.pop(key, None)


def _linear(form: Affine) -> Poly:
    out: Poly = {((str(atom), 1),): factor for atom, factor in form.terms}
    if form.constant:
        out[()] = form.constant
    return out


def _by_power(poly: Poly, name: str) -> dict[int, Poly]:
    parts: dict[int, Poly] = {}
    for key, value in poly.items():
        power = next((power for each, power in key if each == name), 0)
        rest = tuple([item for item in key if item[0] != name]) if power else key
        parts.setdefault(power, {})[rest] = value
    return parts


def _substitute(poly: Poly, name: str, form: Affine) -> Poly:
    parts = _by_power(poly, name)
    out: Poly = {}
    power: Poly = {(): 1}
    linear = _linear(form)
    for exponent in range(max(parts, default=0) + 1):
        if exponent:
            power = _times(power, linear)
        if exponent in parts:
            _add(out, _times(parts[exponent], power))
    return out


@lru_cache(maxsize=64)
def _power_sum(exponent: int) -> tuple[int, tuple[int, ...]]:
    """Return a denominator and the numerators by power of n of `sum(i**exponent for i in range(n + 1))`."""
    total = [Fraction(comb(exponent + 1, j)) for j in range(exponent + 2)]
    for k in range(exponent):
        bottom, top = _power_sum(k)
        for j, value in enumerate(top):
            total[j] -= Fraction(comb(exponent + 1, k) * value, bottom)
    total = [value / (exponent + 1) for value in total]
    bottom = lcm(*[value.denominator for value in total])
    return bottom, tuple([int(value * bottom) for value in total])


def _sum_to(poly: Poly, name: str, high: Affine) -> tuple[Poly, int]:
    """Sum a polynomial over `0 <= name <= high`; the result is to be divided by the second value."""
    parts = _by_power(poly, name)
    bottom = lcm(*[_power_sum(exponent)[0] for exponent in parts])
    out: Poly = {}
    linear = _linear(high)
    powers: list[Poly] = [{(): 1}]
    for _ in range(max(parts) + 1):
        powers.append(_times(powers[-1], linear))
    for exponent, part in parts.items():
        divisor, numerators = _power_sum(exponent)
        inner: Poly = {}
        for power, numerator in enumerate(numerators):
            if numerator:
                _add(inner, powers[power], numerator * (bottom // divisor))
        _add(out, _times(part, inner))
    return out, bottom


def _components(conj: Conj, names: tuple[str, ...]) -> list[tuple[tuple[str, ...], Conj]]:
    """Split into groups of variables that no constraint joins."""
    groups: list[tuple[set[str], list[Affine]]] = [({name}, []) for name in names]
    for form in conj.least:
        mine = set(form.variables())
        joined, rows, rest = set(mine), [form], []
        for group in groups:
            if group[0] & mine:
                joined |= group[0]
                rows += group[1]
            else:
                rest.append(group)
        groups = [*rest, (joined, rows)]
    return [(tuple(name for name in names if name in group), Conj((), tuple(rows))) for group, rows in groups]


class _Count:
    """One count under way; every variable in the constraints of a case is outside floors."""

    def __init__(self) -> None:
        self.numbers = integers(1)
        self.cases = 0

    def total(
        self, conj: Conj | None, names: tuple[str, ...], poly: Poly, known: Mapping[Floor, str], fuel: int
    ) -> Fraction:
        """Sum a polynomial over the points of a conjunction."""
        if conj is None or not poly:
            return Fraction(0)
        self.cases += 1
        if self.cases > CASES:
            raise NotCountable("too many cases to count")
        while (found := solve(conj, names)) is not None:
            name, value, _ = found
            if not value.factor(name):
                names = tuple(each for each in names if each != name)
            known = _without(known, name)
            poly = _substitute(poly, name, value)
            step = conj.substitute({name: value})
            if step is None:
                return Fraction(0)
            conj = step
        if len(names) > 1 and poly.keys() <= {()}:
            groups = _components(conj, names)
            if len(groups) > 1:
                product = Fraction(poly[()]) if poly else Fraction(0)
                for group, part in groups:
                    product *= self.total(part, group, {(): 1}, known, fuel)
                    if not product:
                        break
                return product
        if not names or not poly:
            return Fraction(poly.get((), 0))
        return self._eliminate(conj, names, poly, known, fuel)

    def _eliminate(
        self, conj: Conj, names: tuple[str, ...], poly: Poly, known: Mapping[Floor, str], fuel: int
    ) -> Fraction:
        name, lower, upper, rest, fresh = _choose(conj, names)
        if fresh:
            reduced = reduce(conj)
            if reduced is None:
                return Fraction(0)
            conj = reduced
            name, lower, upper, rest, fresh = _choose(conj, names)
        if fresh:
            short = shortest(conj, names, SHORT if fuel > 0 else ENUMERATED)
            if short is not None:
                return self._enumerate(conj, names, poly, known, short, fuel)
            if fuel <= 0:
                raise NotCountable("no variable has a range that is short enough to enumerate")
        names = tuple(each for each in names if each != name)
        known = _without(known, name)
        total = Fraction(0)
        for (a, left), (b, right), rows in tightest_cases(lower, upper):
            case = build([], rest + rows)
            if case is None:
                continue
            # sum(low..high) = sum(0..high) - sum(0..low - 1), also where low is high + 1
            sums = [(right // b, 1), (-(left // a) - 1, -1)]
            whole: Poly = {}
            bottom = 1
            for form, sign in sums:
                named = dict(known)
                (high,), _, new, added = lift([form], [], None, named, self.numbers)
                summed, bottom = _sum_to(poly, name, high)
                if added or named != known or any(size > 1 for size in (a, b)):
                    part = build(case.zero, [*case.least, *new])
                    signed: Poly = {}
                    _add(signed, summed, sign)
                    total += self.total(part, names + added, signed, named, fuel - len(added)) / bottom
                else:
                    _add(whole, summed, sign)
            total += self.total(case, names, whole, known, fuel) / bottom
        return total

    def _enumerate(
        self,
        conj: Conj,
        names: tuple[str, ...],
        poly: Poly,
        known: Mapping[Floor, str],
        short: tuple[str, range],
        fuel: int,
    ) -> Fraction:
        name, values = short
        names = tuple(each for each in names if each != name)
        total = Fraction(0)
        for value in values:
            form = number(value)
            case = conj.substitute({name: form})
            total += self.total(case, names, _substitute(poly, name, form), _without(known, name), fuel)
        return total


def _without(known: Mapping[Floor, str], name: str) -> Mapping[Floor, str]:
    return {floor: each for floor, each in known.items() if each != name and name not in floor.variables}


def _choose(conj: Conj, names: tuple[str, ...]) -> tuple[str, Side, Side, list[Affine], int]:
    """Choose the variable whose sum has the fewest cases, those without new floors first."""
    best: tuple[tuple[int, int], tuple[str, Side, Side, list[Affine], int]] | None = None
    low, high = ranges(conj.least)
    for age, name in enumerate(names):
        lower, upper, rest = sides(conj, name)
        if not lower or not upper:
            raise Unbounded(f"{name} is not bounded")
        lower, upper = tightest(lower, low, high), tightest(upper, low, high)
        fresh = sum(1 for size, form in lower + upper if any(factor % size for _, factor in form.terms))
        # the oldest first where all need fresh ones: else a fresh one could replace a fresh one for ever
        cost = (1, age) if fresh else (0, len(lower) * len(upper))
        if best is None or cost < best[0]:
            best = cost, (name, lower, upper, rest, fresh)
    if best is None:
        raise AssertionError("no variable")
    return best[1]


@lru_cache(maxsize=4096)
def count(conj: Conj, names: tuple[str, ...]) -> int:
    """Return how many points over the named variables satisfy a conjunction.

    >>> from einsum_cascade.points.quasi import var
    >>> m, p = var("m"), var("p")
    >>> count(Conj((), (m, p - m, 2**70 - 1 - p)), ("m", "p")) == 2**70 * (2**70 + 1) // 2
    True
    """
    state = _Count()
    known: dict[Floor, str] = {}
    zero, least, new, added = lift(conj.zero, conj.least, None, known, state.numbers)
    try:
        total = state.total(build(zero, least + new), names + added, {(): 1}, known, FRESH)
    except Unbounded:
        if is_empty(conj):
            return 0
        raise
    if total.denominator != 1:
        raise AssertionError(f"a count of {total}")
    return total.numerator
