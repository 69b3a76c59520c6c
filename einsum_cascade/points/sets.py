"""Exact algebra and counting of integer point sets given by quasi-affine constraints with concrete ints.

The cost depends on the constraints, never on the sizes: a causal mask over 2**70 positions is counted as
fast as one over 1024.

>>> m, p = var("m"), var("p")
>>> causal = box({"m": 2**20, "p": 2**20}) & where(m, "<=", p)
>>> causal.count() == 2**20 * (2**20 + 1) // 2
True
>>> (box({"m": 8, "p": 8}) & where((p - m) % 2, "==", 0) & where(m, "<=", p)).count()
20
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from . import pieces as unions
from .conjunction import TRUE, build
from .elimination import is_empty
from .lattice_count import Unbounded, count
from .pieces import Fibers, Pieces
from .quasi import Affine, NotCountable, affine, number, var

__all__ = [
    "Affine",
    "NotCountable",
    "Set",
    "Unbounded",
    "affine",
    "box",
    "empty",
    "everything",
    "number",
    "var",
    "where",
]

MANY = 6  # the points of a union of more pieces are listed rather than counted if they are
FEW = 2_000  # in boxes of at most so many points
SMALL = 20_000  # and those of any union are if counting does not get to an end


class Set:
    """The points over `variables` that satisfy one of `pieces`; made by `box`, `where` and the operations.

    A constraint holds at a point whatever the other variables are there, so that sets over different
    variables combine: `&`, `|` and `-` give a set over the variables of both.

    Attributes
    ----------
    variables
        The names of the coordinates, in the order in which `count` and `points` use them.
    pieces
        Conjunctions, perhaps overlapping.

    >>> m, p = var("m"), var("p")
    >>> causal = box({"m": 4, "p": 4}) & where(m, "<=", p)
    >>> window = causal & where(m, ">", p - 2)
    >>> causal.count(), window.count(), (causal - window).count()
    (10, 7, 3)
    >>> window
    {m, p: m >= 0 and -m + 3 >= 0 and p >= 0 and -p + 3 >= 0 and -m + p >= 0 and m - p + 1 >= 0}
    """

    __slots__ = ("_hash", "pieces", "variables")

    def __init__(self, variables: tuple[str, ...], pieces: Pieces) -> None:
        self.variables = variables
        self.pieces = pieces
        self._hash: int | None = None

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash((self.variables, self.pieces))
        return self._hash

    def __eq__(self, other: object) -> bool:
        """Return whether the representations are equal; see `equals` for the sets of points."""
        return isinstance(other, Set) and self.variables == other.variables and self.pieces == other.pieces

    def __repr__(self) -> str:
        return f"{{{', '.join(self.variables)}: {' or '.join(map(repr, self.pieces)) or 'false'}}}"

    def _joined(self, other: Set) -> tuple[str, ...]:
        return self.variables + tuple(name for name in other.variables if name not in self.variables)

    def __and__(self, other: Set) -> Set:
        return Set(self._joined(other), unions.intersect(self.pieces, other.pieces))

    def __or__(self, other: Set) -> Set:
        return Set(self._joined(other), unions.unite(self.pieces + other.pieces))

    def __sub__(self, other: Set) -> Set:
        return Set(self._joined(other), unions.without(self.pieces, other.pieces))

    def project(self, drop: Iterable[str]) -> Set:
        """Return the points over the other variables that some values of the dropped ones complete.

        >>> m1, m0, p = var("m1"), var("m0"), var("p")
        >>> tiled = box({"m1": 4, "m0": 8, "p": 32}) & where(8 * m1 + m0, "<=", p)
        >>> tiled.project(["m0"]).equals(box({"m1": 4, "p": 32}) & where(8 * m1, "<=", p))
        True
        """
        gone = tuple(name for name in dict.fromkeys(drop) if name in self.variables)
        kept = tuple(name for name in self.variables if name not in gone)
        return Set(kept, unions.project(self.pieces, gone))

    def substitute(self, values: Mapping[str, Affine]) -> Set:
        """Replace variables by forms, all at once: the points whose image under `values` is in the set.

        >>> mask = where(var("m"), "<=", var("p"))
        >>> mask.substitute({"m": 8 * var("m1") + var("m0")})
        {m0, m1, p: -m0 - 8*m1 + p >= 0}
        """
        names: dict[str, None] = {}
        for name in self.variables:
            names |= dict.fromkeys(_names(values[name]) if name in values else [name])
        return Set(tuple(names), unions.known(piece.substitute(values) for piece in self.pieces))

    def rename(self, names: Mapping[str, str]) -> Set:
        """Rename variables, all at once.

        >>> where(var("m"), "<=", var("p")).rename({"m": "p", "p": "m"})
        {p, m: m - p >= 0}
        """
        changed = {old: new for old, new in names.items() if old in self.variables}
        variables = tuple(changed.get(name, name) for name in self.variables)
        if len(set(variables)) < len(variables):
            raise ValueError(f"two variables get the same name: {', '.join(variables)}")
        values = {old: var(new) for old, new in changed.items()}
        return Set(variables, unions.known(piece.substitute(values) for piece in self.pieces))

    def image(self, values: Mapping[str, Affine]) -> Set:
        """Return the points with the coordinates `values` that the points of the set give.

        >>> m1, m0 = var("m1"), var("m0")
        >>> box({"m1": 3, "m0": 4}).image({"m": 4 * m1 + m0}).equals(box({"m": 12}))
        True
        """
        inner = {name: f"${name}" for name in (*self.variables, *_names(*values.values()))}
        old = {name: var(new) for name, new in inner.items()}
        ties = [var(name) - form.substitute(old) for name, form in values.items()]
        start = unions.known(piece.substitute(old) for piece in self.pieces)
        tied = unions.known(build((*piece.zero, *ties), piece.least) for piece in start)
        return Set(tuple(values), unions.project(tied, tuple(inner.values())))

    def is_empty(self) -> bool:
        """Return whether there is no point.

        >>> where(var("m") % 4, "==", 2).is_empty(), where(4 * var("m"), "==", 2).is_empty()
        (False, True)
        """
        return all(is_empty(piece) for piece in self.pieces)

    def is_subset(self, other: Set) -> bool:
        """Return whether every point is one of `other`.

        >>> box({"m": 3}).is_subset(box({"m": 4})), box({"m": 4}).is_subset(box({"m": 3}))
        (True, False)
        """
        return not any(not is_empty(piece) for piece in unions.without(self.pieces, other.pieces))

    def equals(self, other: Set) -> bool:
        """Return whether two sets have the same points.

        >>> (box({"m": 3}) | where(var("m"), "==", 3)).equals(box({"m": 3}))
        False
        """
        return self.is_subset(other) and other.is_subset(self)

    def contains(self, point: Mapping[str, int]) -> bool:
        """Return whether a point is in the set.

        >>> box({"m": 3}).contains({"m": 3})
        False
        """
        return any(piece.holds(point) for piece in self.pieces)

    def disjoint(self) -> Set:
        """Return the same points with pieces of which no two share one.

        >>> (box({"m": 6}) | where(var("m"), "==", 5) | where(var("m") // 2, "==", 3)).disjoint()
        {m: m >= 0 and -m + 5 >= 0 or m - 6 >= 0 and -m + 7 >= 0}
        """
        return Set(self.variables, unions.disjoint(self.pieces))

    def count(self, variables: Iterable[str] | None = None) -> int:
        """Return the number of points over `variables`, which are the set's own unless given.

        Raises
        ------
        Unbounded
            A ValueError: infinitely many.
        NotCountable
            A ValueError: the exact methods did not get to an end.

        >>> box({"m": 2**70}).count() == 2**70
        True
        >>> box({"m": 4}).count(["m", "p"])
        Traceback (most recent call last):
        ...
        einsum_cascade.points.lattice_count.Unbounded: p is not bounded
        """
        names = self.variables if variables is None else tuple(dict.fromkeys(variables))
        missing = [name for name in self.variables if name not in names]
        if missing:
            raise ValueError(f"no count over {', '.join(names)} of a set over {', '.join(missing)} too")
        found = unions.listed(self.pieces, names, FEW) if len(self.pieces) > MANY else None
        if found is not None:
            return len(found)
        try:
            return sum(count(piece, names) for piece in unions.disjoint(self.pieces))
        except NotCountable:
            found = unions.listed(self.pieces, names, SMALL)
            if found is None:
                raise
            return len(found)

    def fiber_count(self, name: str) -> list[tuple[Set, Affine]]:
        """Return how many values of one variable complete each point over the others.

        Returns
        -------
        Sets without common points over the other variables, each with the number as a form of them;
        the number is 0 outside of these sets.

        >>> m, p = var("m"), var("p")
        >>> (box({"m": 8, "p": 8}) & where(m, "<=", p)).fiber_count("m")
        [({p: p >= 0 and -p + 7 >= 0}, p + 1)]
        """
        rest = tuple(each for each in self.variables if each != name)
        done: Fibers = []
        for conj in unions.disjoint(self.pieces):
            for domain, value in unions.fiber(conj, name):
                done = unions.refine(done, domain, value)
        merged: dict[Affine, Pieces] = {}
        for pieces, value in done:
            merged[value] = merged.get(value, ()) + pieces
        return [(Set(rest, pieces), value) for value, pieces in merged.items()]

    def points(self) -> Iterator[tuple[int, ...]]:
        """Yield every point in increasing order of its coordinates; for small sets.

        >>> list((box({"m": 3, "p": 2}) & where(var("m"), "<=", var("p"))).points())
        [(0, 0), (0, 1), (1, 1)]
        """
        return iter(sorted({point for piece in self.pieces for point in unions.points(piece, self.variables)}))


def _names(*forms: Affine) -> list[str]:
    return [name for form in forms for name in sorted(form.variables())]


def _form(value: Affine | int) -> Affine:
    return number(value) if isinstance(value, int) else value


def box(sizes: Mapping[str, int]) -> Set:
    """Make the set in which every variable is at least 0 and below its size.

    >>> box({"m": 3, "p": 4}).count()
    12
    """
    rows = [form for name, size in sizes.items() for form in (var(name), size - 1 - var(name))]
    return Set(tuple(sizes), unions.known([build([], rows)]))


def where(left: Affine | int, relation: str, right: Affine | int) -> Set:
    """Make the set of one comparison: `<=`, `<`, `>=`, `>`, `==` or `!=`.

    >>> (box({"m": 9}) & where(var("m") % 4, "!=", 0)).count()
    6
    """
    gap = _form(right) - left
    names = tuple(dict.fromkeys(_names(_form(left), _form(right))))
    if relation == "==":
        return Set(names, unions.known([build([gap], [])]))
    if relation == "!=":
        return Set(names, unions.known([build([], [gap - 1]), build([], [-gap - 1])]))
    rows = {"<=": gap, "<": gap - 1, ">=": -gap, ">": -gap - 1}
    if relation not in rows:
        raise ValueError(f"relation {relation!r} is not one of <=, <, >=, >, ==, !=")
    return Set(names, unions.known([build([], [rows[relation]])]))


def everything(variables: Iterable[str] = ()) -> Set:
    """Make the set of all points, the neutral element of `&`.

    >>> everything(["m"]).contains({"m": -5})
    True
    """
    return Set(tuple(variables), (TRUE,))


def empty(variables: Iterable[str] = ()) -> Set:
    """Make the set without points, the neutral element of `|`.

    >>> empty(["m"]).count()
    0
    """
    return Set(tuple(variables), ())
