"""evaluate(cascade, workload, mapping, design) -> Report: the stages in order, and the tile sizes that a mapping leaves open."""

from collections.abc import Mapping as Dict
from dataclasses import replace

import numpy as np

from archsim.actions import count_actions
from archsim.binding import Binding, bind
from archsim.design import Design
from archsim.mapping import Mapping, concrete
from archsim.occupancy import occupancy
from archsim.report import Report, charge
from archsim.schedule import schedule
from archsim.value import Value
from archsim.value import evaluate as value_of
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade

__all__ = ["evaluate", "largest_divisor"]


def evaluate(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
             values: Dict[str, Value] | None = None) -> Report:  # fmt: skip
    """Return what a cascade costs on a design under a mapping.

    Any number in the documents or in `values` (parameters by name) may be an array of shape (n,): one call evaluates n
    points, closed form, without a loop over them.

    Raises SpecError where the documents do not go together (`binding.bind`).
    """
    chosen = dict(values or {})
    mapping = concrete(mapping, {**workload.sizes(), **design.parameters, **chosen})
    chosen |= _fitted(cascade, workload, mapping, design, chosen)
    chosen |= _chosen(cascade, workload, mapping, design, chosen)
    return _cost(bind(cascade, workload, mapping, design, chosen))


def _cost(binding: Binding) -> Report:
    fit = occupancy(binding)
    counts = count_actions(binding, fit)
    return charge(binding, counts, fit, schedule(binding, counts))


def _fitted(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
            chosen: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    """Choose the `fit` parameters: occupancy is linear in each of them."""
    found: dict[str, Value] = {}
    for name, fit in mapping.fit.items():
        if name in chosen:
            continue
        used: list[Value] = []
        for trial in (1, 2):
            binding = bind(cascade, workload, mapping, design, {**chosen, **found, name: trial})
            used.append(max_bytes(binding, fit.memory))
        slope = used[1] - used[0]
        whole = value_of(fit.divides, {**binding.names, **found})
        capacity = design.memories[fit.memory].capacity
        room = whole if capacity is None else (capacity - used[0] + slope) // np.maximum(slope, 1)
        found[name] = largest_divisor(whole, room)
    return found


def max_bytes(binding: Binding, memory: str) -> Value:
    """Return the bytes that the fullest group keeps in a memory, without regard to its capacity."""
    result: Value = 0
    for (_, name), entry in occupancy(binding).items():
        if name == memory:
            result = np.maximum(result, entry.bytes)
    return result


def _chosen(cascade: Cascade, workload: Workload, mapping: Mapping, design: Design,
            chosen: dict[str, Value]) -> dict[str, Value]:  # fmt: skip
    """Choose the tile sizes of a group's `choose`: of all divisors the least far traffic that fits, then the least time."""
    found: dict[str, Value] = {}
    for group in mapping.groups:
        names = {f"{group.name}.{n}": e for n, e in group.choose.items() if f"{group.name}.{n}" not in chosen}
        if not names:
            continue
        only = replace(mapping, groups=(group,), fit={})
        part = replace(cascade, statements=tuple(s for s in cascade.statements if s.role != "einsum" or s.name in
                                                 {e for es in group.binding.values() for e in es}))  # fmt: skip
        start = bind(part, workload, only, design, {**chosen, **dict.fromkeys(names, 1)})
        grids = np.meshgrid(*[divisors(int(value_of(e, start.names))) for e in names.values()], indexing="ij")
        grid = {n: g.ravel().astype(float) for n, g in zip(names, grids, strict=True)}
        binding = bind(part, workload, only, design, {**chosen, **grid})
        fit = occupancy(binding)
        far = next(iter(design.memories))
        counts = count_actions(binding, fit)
        traffic = counts.moved(far) + np.zeros(grids[0].size)
        latency = schedule(binding, counts).latency_s + np.zeros(grids[0].size)
        fits = np.ones(len(traffic), dtype=bool)
        for entry in fit.values():
            if entry.capacity is not None:
                fits &= entry.bytes <= entry.capacity
        best = int(np.lexsort((latency, traffic, ~fits))[0])
        found |= {n: int(g[best]) for n, g in grid.items()}
    return found


def divisors(number: int) -> np.ndarray:
    """Return the divisors of a positive integer, ascending.

    >>> divisors(12).tolist()
    [1, 2, 3, 4, 6, 12]
    """
    small = np.arange(1, int(number**0.5) + 1)
    small = small[number % small == 0]
    return np.unique(np.concatenate([small, number // small]))


def largest_divisor(whole: Value, limit: Value) -> Value:
    """Return the largest divisor of `whole` that is not above `limit`, at least 1; element by element.

    >>> largest_divisor(256, 251)
    128
    """
    if not isinstance(whole, np.ndarray) and not isinstance(limit, np.ndarray):
        found = divisors(int(whole))
        return int(found[max(0, np.searchsorted(found, limit, side="right") - 1)])
    wholes, limits = np.broadcast_arrays(np.asarray(whole, float), np.asarray(limit, float))
    result = np.empty(wholes.shape)
    for number in np.unique(wholes):
        at = wholes == number
        found = divisors(int(number))
        result[at] = found[np.maximum(0, np.searchsorted(found, limits[at], side="right") - 1)]
    return result
