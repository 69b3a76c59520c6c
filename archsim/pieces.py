"""Pieces: Einsums of a cascade that define one tensor under conditions, each with a name of its own for mappings."""

from collections import Counter
from collections.abc import Iterable
from collections.abc import Mapping as Dict
from dataclasses import replace
from itertools import count
from typing import TypeVar

from archsim.mapping import Group
from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import Einsum

__all__ = ["expanded", "pieces"]

Said = TypeVar("Said")


def pieces(cascade: Cascade) -> dict[str, Einsum]:
    """Return name -> Einsum, in order: the tensor that it writes, with a number where several Einsums write it.

    >>> from einsum_cascade.load import read_cascades
    >>> text = "cascade: a\\nranks: {M: 8}\\ninputs: {A: [M]}\\noutputs: [B]\\n"
    >>> (a,) = read_cascades(text + "einsums: |\\n  B[m] = A[m] | m < 4\\n  B[m] = 2 * A[m] | m >= 4\\n")
    >>> list(pieces(a))
    ['B.1', 'B.2']
    """
    several = {tensor for tensor, n in Counter(s.name for s in cascade.einsums).items() if n > 1}
    numbers = {tensor: count(1) for tensor in several}
    return {f"{s.name}.{next(numbers[s.name])}" if s.name in several else s.name: s for s in cascade.einsums}


def expanded(group: Group, einsums: Dict[str, Einsum]) -> Group:
    """Return a group in which the name of a tensor that is defined in pieces stands for all of them.

    What is said of a piece by its own name goes before what is said of all.
    """
    own: dict[str, list[str]] = {}
    for name, s in einsums.items():
        if name != s.name:
            own.setdefault(s.name, []).append(name)
    if not own:
        return group

    def names(given: Iterable[str]) -> tuple[str, ...]:
        return tuple(n for name in given for n in own.get(name, [name]))

    def keys(table: Dict[str, Said]) -> dict[str, Said]:
        several = {n: said for name, said in table.items() for n in own.get(name, ())}
        return several | {name: said for name, said in table.items() if name not in own}

    return replace(
        group, binding={a: names(e) for a, e in group.binding.items()}, space=keys(group.space), time=keys(group.time),
        forward=keys(group.forward), bypass=keys(group.bypass), density=keys(group.density),
        steps=tuple(replace(s, tracks={a: names(e) for a, e in s.tracks.items()}) for s in group.steps),
    )  # fmt: skip
