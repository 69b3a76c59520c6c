"""run(cascade, tensors): what a cascade means, on whole arrays of any array-API library.

There is no Python loop over points: every statement works on whole tensors, a running rank is a loop over that rank
only, and sums of products are matrix products. Batch points are independent; on the CPU they are taken in blocks that
fit into its caches.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import ModuleType
from typing import Literal, overload

import numpy

from einsum_cascade.cascade import Cascade, size
from einsum_cascade.constants import Value
from einsum_cascade.einsum import Einsum, accesses, iteration_variables, reduced_variables, selection, variables
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.interpret.arithmetic import Arithmetic
from einsum_cascade.interpret.backend import (
    Array,
    Operand,
    Shaped,
    device_of,
    is_boolean,
    is_floating,
    namespace,
    on_cpu,
)
from einsum_cascade.interpret.binding import blocks, prepared, sizes_from
from einsum_cascade.interpret.evaluate import Evaluator, Observer
from einsum_cascade.interpret.field import SCALAR, Field, Labelled, aligned, filled, meet, union
from einsum_cascade.interpret.lifetimes import Lifetimes, hoisted, inlined, lifetimes
from einsum_cascade.interpret.products import summed
from einsum_cascade.interpret.reduction import reduced
from einsum_cascade.interpret.scope import Scope
from einsum_cascade.interpret.storage import Store
from einsum_cascade.plan import Loop, Node, schedule
from einsum_cascade.shapes import tensor_shapes

CACHED = 1 << 19
STREAMED = 1 << 26

Result = tuple[Array, Array | None]


@overload
def run(
    cascade: Cascade, tensors: Mapping[str, Shaped], *, sizes: Mapping[str, Value] | None = None,
    xp: str | ModuleType | None = None, keep: Iterable[str] = (), observe: Observer | None = None,
    presence: Literal[False] = False, arithmetic: Arithmetic | None = None,
) -> dict[str, Array]: ...  # fmt: skip


@overload
def run(
    cascade: Cascade, tensors: Mapping[str, Shaped], *, sizes: Mapping[str, Value] | None = None,
    xp: str | ModuleType | None = None, keep: Iterable[str] = (), observe: Observer | None = None,
    presence: Literal[True], arithmetic: Arithmetic | None = None,
) -> dict[str, Result]: ...  # fmt: skip


def run(
    cascade: Cascade, tensors: Mapping[str, Shaped], *, sizes: Mapping[str, Value] | None = None,
    xp: str | ModuleType | None = None, keep: Iterable[str] = (), observe: Observer | None = None,
    presence: bool = False, arithmetic: Arithmetic | None = None,
) -> dict[str, Array] | dict[str, Result]:  # fmt: skip
    """Compute the outputs of `cascade`.

    Parameters
    ----------
    cascade : the cascade
    tensors : name -> array, shape (*batch, *declared axes); batch axes broadcast and reappear in the results. Ranks
        take their sizes from the arrays, in whose real type everything is computed.
    sizes : further ranks and parameters, for example {"M0": 16}
    xp : "numpy", "torch" or a namespace to compute in; by default that of the arrays
    keep : further tensors to return; one with a running rank has the extra coordinate
    observe : called as observe(einsum, function, argument, mask) at every application of a function, before the
        argument is overwritten; mask None: everything is present. Batch blocks and loop steps call it one by one.
    presence : return (values, mask) for every tensor, mask None where everything is present
    arithmetic : what a machine computes instead, for example a `numerics.rounding.Rounding`; None: that of the library

    Returns
    -------
    name -> array, shape (*batch, *axes), 0 at absent points; coordinates as int64

    Raises SpecError: a missing or unknown tensor, too few axes, sizes that contradict each other.

    >>> import numpy as np
    >>> from einsum_cascade import Cascade, load
    >>> rng = np.random.default_rng(0)
    >>> q, k, v = rng.normal(size=(8, 5)), rng.normal(size=(8, 32)), rng.normal(size=(4, 32))
    >>> result = run(load(Cascade, "attention_1pass"), {"Q": q, "K": k, "V": v}, sizes={"M0": 16})
    >>> a = np.exp(k.T @ q)
    >>> bool(np.allclose(result["AV"], v @ (a / a.sum(0))))
    True
    """
    names, batch = sizes_from(cascade, tensors, sizes or {})
    xp = namespace(xp, list(tensors.values()))
    arrays, dtype = prepared(xp, tensors)
    wanted = _wanted(cascade, keep)
    if arithmetic is not None:
        arrays = {n: arithmetic.given(xp, n, a) if is_floating(xp, a) else a for n, a in arrays.items()}
    job = _Job(cascade, arrays, names, wanted, xp, dtype, observe, arithmetic)
    values: dict[str, Array] = {}
    masks: dict[str, Array | None] = dict.fromkeys(wanted)
    with numpy.errstate(all="ignore"):
        for block in blocks(batch, job.most):
            for name, found in job.block(block, batch).items():
                job.collect(name, found, block, batch, values, masks)
    if presence:
        return {name: (values[name], masks[name]) for name in wanted}
    return {name: values[name] for name in wanted}


def _wanted(cascade: Cascade, keep: Iterable[str]) -> list[str]:
    keep = list(keep)
    known = {*cascade.inputs, *(s.name for s in cascade.statements)}
    wrong = [Diagnostic(place=cascade.place, message=f"{cascade.name} has no tensor {name} to keep",
                        hint=did_you_mean(name, known)) for name in keep if name not in known]  # fmt: skip
    if wrong:
        raise SpecError(wrong)
    return list(dict.fromkeys([*cascade.outputs, *keep]))


@dataclass(frozen=True)
class _Step:
    """What is known of a statement before it runs: variables summed first, further reductions, the scatter's."""

    einsum: Einsum
    summed: frozenset[str]
    further: tuple[int, ...]
    order: tuple[str, ...]
    operation: str


@dataclass
class _Job:
    """A cascade with its tensors, planned once and run block by block."""

    cascade: Cascade
    arrays: Mapping[str, Array]
    names: Mapping[str, Value]
    wanted: Sequence[str]
    xp: ModuleType
    dtype: object
    observe: Observer | None
    arithmetic: Arithmetic | None = None
    steps: dict[int, _Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.shapes = tensor_shapes(self.cascade, self.names)
        given = inlined(self.cascade, self.names, self.shapes, self.wanted)
        limit = max((math.prod(self.shapes[name]) for name in self.arrays), default=1)
        self.plan = hoisted(schedule(given), self.shapes, limit)
        self.lives = lifetimes(self.plan, self.names, self.wanted)
        self.steps = {id(s): _step(s) for s in given}
        used = {v for s in given for v in iteration_variables(s)}
        used |= {c.into for s in given if (c := selection(s)) is not None and c.into}
        self.sizes = {v: size(self.cascade, v, self.names) for v in sorted(used)}
        self.device = next((device_of(a) for a in self.arrays.values()), None)
        room = CACHED if all(on_cpu(a) for a in self.arrays.values()) else STREAMED
        self.most = max(1, room // max((self._elements(n, frozenset()) for n in self.plan), default=1))
        self.scope = Scope(xp=self.xp, cascade=self.cascade, names=dict(self.names), sizes=self.sizes,
                           shapes=self.shapes, dtype=self.dtype, device=self.device)  # fmt: skip

    def _elements(self, node: Node, bound: frozenset[str]) -> int:
        """Return the size of the largest array that a node of the plan makes."""
        if isinstance(node, Loop):
            return max((self._elements(n, bound | {node.variable}) for n in node.body), default=1)
        return math.prod(self.sizes[v] for v in variables(*node.target.indices) if v not in bound)

    def block(self, block: tuple[slice, ...], batch: tuple[int, ...]) -> dict[str, Field]:
        """Run the cascade on a block of batch points."""
        depth = len(batch)
        lengths = {f"~{depth - 1 - k}": part.stop - part.start for k, part in enumerate(block)}
        scope = self.scope.over({**self.sizes, **lengths})
        store = Store(scope, self.lives.windows)
        for name, array in self.arrays.items():
            own = len(self.shapes[name])
            front = array.ndim - own
            key = tuple(block[depth - front + k] if array.shape[k] > 1 else 0 for k in range(front))
            labels = [f"~{front - 1 - k}" for k in range(front) if array.shape[k] > 1]
            axes = (*labels, *(str(k) for k in range(own)))
            store.entries[name] = {(): Field(Labelled(array[key] if key else array, axes))}
        runner = _Runner(scope, store, Evaluator(scope, store, self.observe, self.arithmetic), self.steps, self.lives)
        for node in self.plan:
            runner.run(node)
        return {name: store.whole(name) for name in self.wanted}

    def collect(
        self, name: str, found: Field, block: tuple[slice, ...], batch: tuple[int, ...],
        values: dict[str, Array], masks: dict[str, Array | None],
    ) -> None:  # fmt: skip
        """Put the result of a block into the whole result."""
        xp, shape = self.xp, (*batch, *self.shapes[name])
        axes = (*(f"~{k}" for k in reversed(range(len(batch)))), *(str(k) for k in range(len(self.shapes[name]))))
        array = aligned(filled(xp, found, 0), axes)
        if name not in values:
            dtype = self.dtype if isinstance(array, SCALAR) else array.dtype
            values[name] = xp.zeros(shape, dtype=dtype, device=self.device)
        values[name][block] = array
        if found.mask is not None:
            whole = masks[name]
            if whole is None:
                whole = masks[name] = xp.ones(shape, dtype=xp.bool, device=self.device)
            whole[block] = aligned(found.mask, axes)


def _step(s: Einsum) -> _Step:
    """Sort the reductions of a statement: unstated sums and leading stated ones together, then the rest in order."""
    scattered = set(variables(*(i for i in s.target.indices if accesses(i))))
    gone = [v for v in reduced_variables(s) if v not in scattered]
    stated = [r.variable for r in s.reductions]
    first = {v for v in gone if v not in stated}
    further = [k for k, r in enumerate(s.reductions) if r.variable in gone]
    while further and s.reductions[further[0]].operator == "sum":
        first.add(s.reductions[further.pop(0)].variable)
    meeting = [r.operator for r in s.reductions if r.variable in scattered] or [r.operator for r in s.reductions]
    return _Step(s, frozenset(first), tuple(further), variables(*s.target.indices), (meeting or ["sum"])[-1])


@dataclass
class _Runner:
    """Runs the nodes of a plan and forgets what nobody reads any more."""

    scope: Scope
    store: Store
    evaluator: Evaluator
    steps: Mapping[int, _Step]
    lives: Lifetimes

    def run(self, node: Node) -> None:
        """Run a statement, or a loop over all values of its variable."""
        if isinstance(node, Einsum):
            self.statement(self.steps[id(node)])
        else:
            for value in range(self.scope.sizes[node.variable]):
                self.scope.bound[node.variable] = value
                for child in node.body:
                    self.run(child)
            del self.scope.bound[node.variable]
        for tensor, axis, step in self.lives.after.get(id(node), ()):
            self.forget(tensor, axis, step)

    def forget(self, tensor: str, axis: int | None, step: int | None) -> None:
        """Drop a tensor, or slices of it that are not pinned."""
        if axis is None:
            self.store.drop(tensor)
            return
        pinned = self.lives.pinned[tensor, axis]
        if step is None:
            self.store.keep(tensor, axis, pinned)
            return
        at = self.scope.bound[self.lives.loops[tensor, axis]] + step
        if at not in pinned:
            self.store.drop(tensor, axis, at)

    def statement(self, step: _Step) -> None:
        """Evaluate one statement and store what it gives."""
        s, evaluator = step.einsum, self.evaluator
        evaluator.einsum = s.name
        start = self.scope.constant(s.expression) if s.role == "initial" else None
        if start is not None and math.isinf(start):
            return  # the identity of max or min: nothing seen yet
        masks = [m for c in s.conditions if (m := evaluator.condition(c)) is not None]
        if any(m.array is False for m in masks):
            return
        if step.summed:
            found = summed(evaluator, s.expression, masks, step.summed, (*self.scope.batch, *step.order))
        else:
            found = evaluator.value(s.expression)
            found = Field(found.values, meet(found.mask, *masks), found.fresh)
        for k in step.further:
            found = reduced(self.scope, found, s.reductions[k])
        xp, array = self.scope.xp, found.values.array
        if is_floating(xp, array) or is_boolean(xp, array):  # two scalars that a mask chose from may be wider
            found = replace(found, values=self.scope.cast(found.values, self.scope.dtype))
        if evaluator.arithmetic is not None and s.role == "einsum":
            found = self.rounded(s, found, evaluator.arithmetic)
        self.store.write(s.target, found, evaluator.integer, step.operation)

    def rounded(self, einsum: Einsum, found: Field, arithmetic: Arithmetic) -> Field:
        """Return a result as the machine stores it; numbers that are not real, and scalars, are left alone."""
        array = found.values.array
        if found.absent or isinstance(array, SCALAR) or not is_floating(self.scope.xp, array):
            return found
        mask: Operand | None = None
        if found.mask is not None:
            axes = union(found.values.axes, found.mask.axes)
            mask, array = aligned(found.mask, axes), aligned(found.values, axes)
            found = Field(Labelled(array, axes), found.mask)
        assert not isinstance(array, SCALAR) and not isinstance(mask, SCALAR)
        return replace(found, values=Labelled(arithmetic.stored(self.scope.xp, einsum, array, mask), found.values.axes))
