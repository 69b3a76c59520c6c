"""Quasi-affine integer forms: a constant plus integer multiples of variables and of floor divisions.

Everything here is exact and its cost does not depend on how large the integers are.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from math import gcd
from typing import TypeAlias

Atom: TypeAlias = "str | Floor"
Term: TypeAlias = "tuple[Atom, int]"


class NotCountable(ValueError):
    """A set that the exact methods of this package could not finish with.

    >>> raise NotCountable("too many cases")
    Traceback (most recent call last):
    ...
    einsum_cascade.points.quasi.NotCountable: too many cases
    """


class Floor:
    """The atom `argument // divisor`; made by `Affine.__floordiv__`, which normalises it first.

    Attributes
    ----------
    argument
        The form that is divided.
    divisor
        A positive int.
    variables
        The names inside.

    >>> atom, factor = (var("m") // 4).terms[0]
    >>> atom, factor, sorted(atom.variables)
    (floor(m/4), 1, ['m'])
    """

    __slots__ = ("_hash", "argument", "divisor", "key", "variables")

    def __init__(self, argument: Affine, divisor: int) -> None:
        self.argument = argument
        self.divisor = divisor
        self.variables = argument.variables()
        self.key = f"floor(({argument})/{divisor})" if " " in str(argument) else f"floor({argument}/{divisor})"
        self._hash = hash((argument, divisor))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Floor) and self._hash == other._hash and self.key == other.key

    def __repr__(self) -> str:
        return self.key


class Affine:
    """An immutable form `constant + sum(factor * atom)`; make one with `var`, `number` or `affine`.

    Supports `+` and `-` with forms and ints, `*`, `//` and `%` by ints (the divisor being positive).

    Attributes
    ----------
    constant
        The constant.
    terms
        The `(atom, factor)` pairs in a fixed order; no factor is 0.

    >>> m, p = var("m"), var("p")
    >>> 2 * m - p + 3
    2*m - p + 3
    >>> (m * 4 + 7) // 4, (m * 4 + p) % 4
    (m + 1, p - 4*floor(p/4))
    """

    __slots__ = ("_hash", "constant", "terms")

    def __init__(self, constant: int, terms: tuple[Term, ...]) -> None:
        self.constant = constant
        self.terms = terms
        self._hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.constant, self.terms))
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return isinstance(other, Affine) and self.constant == other.constant and self.terms == other.terms

    def __add__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.constant + other, self.terms)
        return combine(1, self, 1, other)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return Affine(-self.constant, tuple([(atom, -factor) for atom, factor in self.terms]))

    def __sub__(self, other: Affine | int) -> Affine:
        if isinstance(other, int):
            return Affine(self.constant - other, self.terms)
        return combine(1, self, -1, other)

    def __rsub__(self, other: int) -> Affine:
        return -self + other

    def __mul__(self, factor: int) -> Affine:
        if not factor:
            return ZERO
        return Affine(self.constant * factor, tuple([(atom, each * factor) for atom, each in self.terms]))

    __rmul__ = __mul__

    def __floordiv__(self, divisor: int) -> Affine:
        if divisor < 1:
            raise ValueError(f"divisor {divisor} is not positive")
        return _floor(self, divisor) if self.terms else number(self.constant // divisor)

    def __mod__(self, divisor: int) -> Affine:
        return combine(1, self, -divisor, self // divisor)

    def variables(self) -> frozenset[str]:
        """Return every variable name, those inside floors too.

        >>> sorted((var("a") + var("b") // 3).variables())
        ['a', 'b']
        """
        names: set[str] = set()
        for atom, _ in self.terms:
            if isinstance(atom, str):
                names.add(atom)
            else:
                names |= atom.variables
        return frozenset(names)

    def factor(self, name: str) -> int:
        """Return the factor of a variable outside the floors.

        >>> (3 * var("a") + var("b") // 2).factor("a"), var("a").factor("b")
        (3, 0)
        """
        for atom, factor in self.terms:
            if atom == name:
                return factor
        return 0

    def substitute(self, values: Mapping[str, Affine]) -> Affine:
        """Replace variables by forms, all at once, inside floors too.

        >>> (var("m") + var("m") // 4).substitute({"m": 4 * var("k") + 2})
        5*k + 2
        """
        out: Affine | None = None
        for atom, factor in self.terms:
            if isinstance(atom, str):
                if atom not in values:
                    continue
                new = values[atom]
            elif atom.variables.isdisjoint(values):
                continue
            else:
                new = atom.argument.substitute(values) // atom.divisor
            if out is None:
                out = affine(self.constant, {a: f for a, f in self.terms if not _touched(a, values)})
            out = combine(1, out, factor, new)
        return self if out is None else out

    def evaluate(self, point: Mapping[str, int]) -> int:
        """Return the value at a point.

        >>> ((var("m") - 1) // 4).evaluate({"m": 0})
        -1
        """
        total = self.constant
        for atom, factor in self.terms:
            if isinstance(atom, str):
                total += factor * point[atom]
            else:
                total += factor * (atom.argument.evaluate(point) // atom.divisor)
        return total

    def __repr__(self) -> str:
        text = ""
        for atom, factor in self.terms:
            size = "" if abs(factor) == 1 else f"{abs(factor)}*"
            text += (" - " if factor < 0 else " + ") + f"{size}{atom}"
        if self.constant or not text:
            text += (" - " if self.constant < 0 else " + ") + str(abs(self.constant))
        return ("-" if text[1] == "-" else "") + text[3:]


ZERO = Affine(0, ())


def _touched(atom: Atom, values: Mapping[str, Affine]) -> bool:
    return atom in values if isinstance(atom, str) else not atom.variables.isdisjoint(values)


def _order(term: Term) -> str:
    atom = term[0]
    return atom if isinstance(atom, str) else "~" + atom.key


def affine(constant: int, terms: Mapping[Atom, int]) -> Affine:
    """Make a form of a constant and the factors of its atoms.

    >>> affine(1, {"b": 2, "a": 1, "c": 0})
    a + 2*b + 1
    """
    kept = [term for term in terms.items() if term[1]]
    if len(kept) > 1:
        kept.sort(key=_order)
    return Affine(constant, tuple(kept))


def var(name: str) -> Affine:
    """Make the form that is one variable; names beginning with `$` are kept for internal use.

    >>> var("m") + 1
    m + 1
    """
    return Affine(0, ((name, 1),))


def number(value: int) -> Affine:
    """Make a constant form.

    >>> number(3) - var("m")
    -m + 3
    """
    return Affine(value, ())


def combine(a: int, left: Affine, b: int, right: Affine) -> Affine:
    """Return `a * left + b * right`.

    >>> combine(2, var("m"), -3, var("p") + 1)
    2*m - 3*p - 3
    """
    constant = a * left.constant + b * right.constant
    if not right.terms or not b:
        return Affine(constant, left.terms if a == 1 else (left * a).terms)
    terms = dict(left.terms) if a == 1 else {atom: a * factor for atom, factor in left.terms}
    for atom, factor in right.terms:
        terms[atom] = terms.get(atom, 0) + b * factor
    return affine(constant, terms)


@lru_cache(maxsize=8192)
def _floor(form: Affine, divisor: int) -> Affine:
    """Divide: pull out multiples, remove the common factor, merge nested floors, make the first factor positive."""
    first = next((factor % divisor for _, factor in form.terms if factor % divisor), 0)
    sign = -1 if 2 * first > divisor else 1
    if sign < 0:  # floor(e / d) == -floor((-e + d - 1) / d)
        form = -form + (divisor - 1)
    whole: dict[Atom, int] = {}
    rest: dict[Atom, int] = {}
    common = divisor
    for atom, factor in form.terms:
        left = factor % divisor
        if 2 * left > divisor:
            left -= divisor
        if left:
            rest[atom] = left
            common = gcd(common, left)
        if left != factor:
            whole[atom] = (factor - left) // divisor
    quotient = affine(form.constant // divisor, whole)
    if not rest:
        return quotient * sign
    divisor //= common
    inner = affine(form.constant % (divisor * common) // common, {atom: each // common for atom, each in rest.items()})
    if divisor == 1:
        return (quotient + inner) * sign
    atom, factor = inner.terms[0]
    if len(inner.terms) == 1 and factor == 1 and not isinstance(atom, str):
        nested = (atom.argument + atom.divisor * inner.constant) // (atom.divisor * divisor)
        return (quotient + nested) * sign
    return (quotient + Affine(0, ((Floor(inner, divisor), 1),))) * sign
