"""Running a cascade block by block along a rank on which nothing else depends, such as the queries.

What is live at a time is then that of a block: a cascade that keeps M x P scores fits for any P, with blocks of p
queries in M x p elements of each tensor of scores.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import ModuleType

from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import Value
from einsum_cascade.einsum import (
    Access,
    Apply,
    Constant,
    Einsum,
    Expression,
    Number,
    Variable,
    read_accesses,
    reduced_variables,
    substitute,
    variables,
    walk,
)
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.interpret.arithmetic import Arithmetic
from einsum_cascade.interpret.backend import Array, Shaped, namespace
from einsum_cascade.interpret.binding import prepared, sizes_from
from einsum_cascade.interpret.interpreter import run

__all__ = ["run_split"]


def run_split(
    cascade: Cascade, tensors: Mapping[str, Shaped], *, rank: str = "P", size: int,
    sizes: Mapping[str, Value] | None = None, xp: str | ModuleType | None = None, keep: Iterable[str] = (),
    arithmetic: Arithmetic | None = None, progress: Callable[[int, int], None] | None = None,
) -> dict[str, Array]:  # fmt: skip
    """Compute the outputs of `cascade` for `size` coordinates of `rank` at a time.

    Values are those of `run`, up to the order of sums inside a matrix product; a scale of an intN format is taken block
    by block. Peak memory is that of `run` at a rank of `size`, and the inputs and outputs.

    Parameters
    ----------
    rank : a rank of an input; its variable may stand in accesses only alone, and may not be reduced
    size : coordinates at a time
    keep : further tensors to return, which run over the rank as well
    progress : called with the coordinates done, 0 at first, and all of them

    Other parameters, and what is returned, are those of `run`.

    Raises SpecError: as `run`; the cascade does not treat the coordinates of the rank apart.

    >>> import numpy as np
    >>> from einsum_cascade import Cascade, load
    >>> rng = np.random.default_rng(0)
    >>> tensors = {name: rng.normal(size=(8, 50)) for name in "QKV"}
    >>> cascade = load(Cascade, "attention_3pass_causal")
    >>> bool(np.allclose(run_split(cascade, tensors, size=16)["AV"], run(cascade, tensors)["AV"]))
    True
    """
    names, _ = sizes_from(cascade, tensors, sizes or {})
    xp = namespace(xp, list(tensors.values()))
    keep = list(dict.fromkeys([*cascade.outputs, *keep]))
    variable = _variable(cascade, rank, keep)
    arrays, _ = prepared(xp, tensors)
    total = int(names[rank])
    if size >= total:
        return run(cascade, arrays, sizes=sizes, xp=xp, keep=keep, arithmetic=arithmetic)
    cut = {name: _axis(dimensions, rank) for name, dimensions in cascade.inputs.items()}
    known = {name: value for name, value in names.items() if name != rank}
    parts: dict[str, list[Array]] = {name: [] for name in keep}
    if progress is not None:
        progress(0, total)
    for start in range(0, total, size):
        here = slice(start, min(start + size, total))
        given = {n: a if cut[n] is None else a[(..., here, *(slice(None),) * -(cut[n] + 1))]  # type: ignore[operator]
                 for n, a in arrays.items()}  # fmt: skip
        moved = _moved(cascade, variable, start)
        found = run(moved, given, sizes=known, xp=xp, keep=keep, arithmetic=arithmetic)
        for name, values in found.items():
            parts[name].append(values)
        if progress is not None:
            progress(here.stop, total)
    return {name: xp.concat(values, axis=_output_axis(cascade, name, variable)) for name, values in parts.items()}


def _axis(dimensions: tuple[Expression, ...], rank: str) -> int | None:
    """Return the axis of a rank among the declared ones, counted from the last one as -1."""
    found = [k for k, d in enumerate(dimensions) if isinstance(d, Constant) and d.name == rank]
    return found[0] - len(dimensions) if found else None


def _output_axis(cascade: Cascade, name: str, variable: str) -> int:
    indices = next(s for s in cascade.statements if s.name == name).target.indices
    return indices.index(Variable(variable)) - len(indices)


def _variable(cascade: Cascade, rank: str, keep: list[str]) -> str:
    """Return the variable of a rank that is safe to split."""
    found = {v for s in cascade.statements for v in _all_variables(s) if cascade.rank(v) == rank}
    axes = {(n, k - len(dims)) for n, dims in cascade.inputs.items() for k, d in enumerate(dims) if d == Constant(rank)}
    wrong: tuple[str, Place] | None = None
    if len(found) != 1 or not axes:
        wrong = (f"{len(found)} variables run over it and {len(axes)} inputs have it", cascade.place)
    elif len({n for n, _ in axes}) < len(axes):
        wrong = ("an input has it twice", cascade.place)
    else:
        wrong = _obstacle(cascade, Constant(rank), Variable(next(iter(found))), axes, keep)
    if wrong:
        message, hint = f"{cascade.name} cannot be split over {rank}: {wrong[0]}", "run it whole, or split another rank"
        raise SpecError([Diagnostic(place=wrong[1], message=message, hint=hint)])
    return next(iter(found))


def _obstacle(
    cascade: Cascade, rank: Constant, variable: Variable, axes: set[tuple[str, int]], keep: list[str]
) -> tuple[str, Place] | None:
    """Return why the coordinates of a rank depend on each other, and where; None if they do not."""
    name = variable.name
    for s in cascade.statements:
        indices = s.target.indices
        axes |= {(s.name, k - len(indices)) for k, index in enumerate(indices) if index == variable}
    for s in cascade.statements:
        if name in (*reduced_variables(s), *(r.variable for r in s.reductions)):
            return f"{s.name} reduces {name}", s.place
        if s.name in keep and variable not in s.target.indices:
            return f"{s.name} does not run over {name}", s.place
        if any(n == rank for e in _expressions(s) for n in walk(e)):
            return f"{s.name} depends on its size", s.place
        for access in (s.target, *read_accesses(s)):
            for k, index in enumerate(access.indices):
                own = (access.tensor, k - len(access.indices)) in axes
                if index != variable and (own or name in _outside_accesses(index)):
                    return f"{access.tensor} is read or written at other coordinates than {name}", access.place
    return None


def _outside_accesses(index: Expression) -> set[str]:
    """Return the variables of an index but for those in the accesses inside of it, which are seen on their own."""
    if isinstance(index, Apply):
        return {v for a in index.arguments for v in _outside_accesses(a)}
    return {index.name} if isinstance(index, Variable) else set()


def _expressions(s: Einsum) -> tuple[Expression, ...]:
    return (s.target, s.expression, *(side for c in s.conditions for side in (c.left, c.right)))


def _all_variables(s: Einsum) -> set[str]:
    return {v for e in _expressions(s) for v in variables(e)} | {r.variable for r in s.reductions}


def _moved(cascade: Cascade, variable: str, start: int) -> Cascade:
    """Return the cascade for coordinates from `start` on: outside of accesses the variable is larger by that."""
    if start == 0:
        return cascade
    at = Apply("add", (Variable(variable), Number(start)))

    def visit(node: Expression) -> Expression:
        if isinstance(node, Apply):
            return replace(node, arguments=tuple(map(visit, node.arguments)))
        return node if isinstance(node, Access) else substitute(node, {variable: at})

    def moved(s: Einsum) -> Einsum:
        conditions = tuple(replace(c, left=visit(c.left), right=visit(c.right)) for c in s.conditions)
        return replace(s, expression=visit(s.expression), conditions=conditions)

    return replace(cascade, statements=tuple(map(moved, cascade.statements)))
