"""Least: what a fusion group takes at least, before anything is chosen for it."""

import numpy as np

from archsim.mapper.exact import assignment_bound
from archsim.mapper.label import Members
from archsim.mapper.space import GroupSpace
from archsim.mapper.tables import Tables
from archsim.value import Array
from einsum_cascade.einsum import Access

__all__ = ["least_costs"]


def least_costs(t: Tables, members: Members, space: GroupSpace | None) -> Array:
    """Return what Einsums as one group take at least, shape (3, tile sizes): seconds, words of the far memory, joules.

    The work of the arrays at full use, words that must come from and go to the far memory once, and those that arrays
    must read and write once. `t` bare tables of the whole cascade; without a space any of them might be handed on.
    """
    seconds, joules = _work(t, members)
    words = np.zeros(t.number)
    for tensor in t.touches:
        once, energy = _moved(t, members, space, tensor)
        words, joules = words + once, joules + energy
    second = t.seconds[t.far]
    if second is not None:
        seconds = np.maximum(seconds, words * second)
    return np.array([seconds, words, joules])


def _moved(t: Tables, members: Members, space: GroupSpace | None, tensor: str) -> tuple[Array, Array]:
    """Words of the far memory and joules that a tensor takes at least in a group, wherever it is kept."""
    p = t.space.problem
    made = tensor in members
    inside = [(e, a) for e, a in t.touches[tensor] if e in members]
    other = any(e not in members and e != tensor for e, _ in t.touches[tensor])
    outside = made and (tensor in p.cascade.outputs or other)
    none = np.zeros(t.number)

    def once(e: str, a: Access) -> Array:
        return t.full(t.nest(e).words(a))

    target = [once(e, a) for e, a in inside if made and a is t.statements[e].target]
    reads = [once(e, a) for e, a in inside if not (made and a is t.statements[e].target)
             and not (made and (space is None or space.handed.get((tensor, e))))]  # fmt: skip
    if not inside or (made and not outside and not reads):
        return none, none
    first = np.max(target if made else reads, axis=0)
    options = []
    for memory in (*p.near, *[t.far] * (outside or not made)):
        price = {a: t.prices.get((memory, a), 0) for a in ("read", "write", "fill", "drain")}
        joules = sum(reads, start=none) * price["read"] + (first * price["write"] if made else 0)
        if memory != t.far and not made:
            joules = joules + first * (t.prices.get((t.far, "read"), 0) + price["fill"])
        elif memory != t.far and outside:
            joules = joules + first * (t.prices.get((t.far, "write"), 0) + price["drain"])
        options.append(joules)
    return first if outside or not made else none, np.min(options, axis=0)


def _work(t: Tables, members: Members) -> tuple[Array, Array]:
    p = t.space.problem
    least: dict[str, dict[str, Array]] = {}
    joules = np.zeros(t.number)
    for e in members:
        points = t.full(t.nest(e).points(t.variables(e)))
        table = p.arrays[e]
        least[e] = {a: points * c / float(np.asarray(p.design.arrays[a].lanes)) for a, (c, _) in table.items()}
        joules = joules + points * min(
            sum(float(np.asarray(t.operation(a, x, k))) for x, k in actions.items())
            for a, (_, actions) in table.items()
        )
    arrays = [] if p.rules.schedule == "sequential" else list(p.design.arrays)
    return t.full(assignment_bound(least, arrays) / float(np.asarray(p.design.clock))), joules
