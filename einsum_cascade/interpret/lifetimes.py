"""Which slices of which tensors have to be kept, and until when: what makes a one-pass cascade run in little memory."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod

from einsum_cascade.cascade import Cascade
from einsum_cascade.constants import Value, evaluate, is_constant
from einsum_cascade.einsum import Access, Apply, Einsum, Expression, Variable, read_accesses, substitute, variables
from einsum_cascade.plan import Loop, Node, shift, statements
from einsum_cascade.shapes import bounds

Site = tuple[Einsum, tuple[Loop, ...]]


@dataclass(frozen=True)
class Lifetimes:
    """`windows`: axes of a tensor along which only slices are kept; `pinned`: slices that stay to the end; `loops`: the
    variable of the loop that makes the slices.

    `after`: by the identity of a node of the plan, what nobody reads any more once it has run: a whole tensor, or (with
    an axis and a shift c) its slice at the loop's variable + c, or (without a shift) all slices but the pinned ones.
    """

    windows: Mapping[str, tuple[int, ...]]
    pinned: Mapping[tuple[str, int], frozenset[int]]
    loops: Mapping[tuple[str, int], str]
    after: Mapping[int, Sequence[tuple[str, int | None, int | None]]]


@dataclass
class _Window:
    loop: Loop
    offset: int
    reads: list[tuple[Einsum, int]] = field(default_factory=list)
    pinned: set[int] = field(default_factory=set)


def lifetimes(plan: Sequence[Node], names: Mapping[str, Value], kept: Sequence[str]) -> Lifetimes:
    """Return what a run of `plan` may forget, and when. `kept` tensors stay whole.

    >>> from einsum_cascade.parse import parse_line
    >>> from einsum_cascade.plan import schedule
    >>> plan = schedule(parse_line("L[m] = A[m] * B[m] ; R[m+1] = R[m] + L[m] ; Z[] = R[M]"))
    >>> found = lifetimes(plan, {"M": 8}, ["Z"])
    >>> found.windows, dict(found.pinned)
    ({'L': (0,), 'R': (0,)}, {('L', 0): frozenset(), ('R', 0): frozenset({8})})
    """
    sites = list(_sites(plan, ()))
    windows: dict[str, list[int]] = {}
    pinned: dict[tuple[str, int], frozenset[int]] = {}
    loops: dict[tuple[str, int], str] = {}
    after: dict[int, list[tuple[str, int | None, int | None]]] = {}
    for tensor in dict.fromkeys(s.name for s, _ in sites):
        rank = len(next(s for s, _ in sites if s.name == tensor).target.indices)
        for axis in range(rank if tensor not in kept else 0):
            window = _window(sites, tensor, axis, names)
            if window is None:
                continue
            windows.setdefault(tensor, []).append(axis)
            pinned[tensor, axis], loops[tensor, axis] = frozenset(window.pinned), window.loop.variable
            oldest = min((step for _, step in window.reads), default=window.offset)
            users = [s for s, step in window.reads if step == oldest] or [s for s, _ in sites if s.name == tensor]
            last = [child for child in window.loop.body if any(s in users for s in statements(child))][-1]
            after.setdefault(id(last), []).append((tensor, axis, oldest))
            after.setdefault(id(window.loop), []).append((tensor, axis, None))
    for tensor, node in _last_uses(plan).items():
        if tensor not in kept:
            after.setdefault(id(node), []).append((tensor, None, None))
    return Lifetimes({t: tuple(a) for t, a in windows.items()}, pinned, loops, after)


def _sites(nodes: Sequence[Node], loops: tuple[Loop, ...]) -> Iterator[Site]:
    for node in nodes:
        if isinstance(node, Loop):
            yield from _sites(node.body, (*loops, node))
        else:
            yield node, loops


def _window(sites: Sequence[Site], tensor: str, axis: int, names: Mapping[str, Value]) -> _Window | None:
    """Return the loop along which slices of `tensor` are enough, or None."""
    window: _Window | None = None
    for statement, loops in sites:
        if statement.name != tensor:
            continue
        index = statement.target.indices[axis]
        form = shift(index)
        loop = next((p for p in loops if form and form[0] == p.variable), None)
        if loop is None or form is None:
            if not is_constant(index):
                return None
        elif window is None:
            window = _Window(loop, form[1])
        elif window.loop is not loop or window.offset != form[1]:
            return None
    if window is None:
        return None
    for statement, loops in sites:
        for access in (a for a in read_accesses(statement) if a.tensor == tensor):
            index = access.indices[axis]
            form = shift(index)
            if is_constant(index):
                window.pinned.add(int(evaluate(index, names)))
            elif any(p is window.loop for p in loops) and form and form[0] == window.loop.variable:
                window.reads.append((statement, form[1]))
            else:
                return None
    return window


def _last_uses(plan: Sequence[Node]) -> dict[str, Node]:
    last: dict[str, Node] = {}
    for node in plan:
        for statement in statements(node):
            last |= {name: node for name in (statement.name, *(a.tensor for a in read_accesses(statement)))}
    return last


def hoisted(plan: Sequence[Node], shapes: Mapping[str, Sequence[int]], limit: int) -> list[Node]:
    """Move small statements that a loop does not feed out of it and before it: one call instead of one a step.

    A result of more than `limit` elements stays inside, one slice at a time.

    >>> from einsum_cascade.parse import parse_line
    >>> from einsum_cascade.plan import schedule
    >>> plan = schedule(parse_line("L[m] = A[m] * B[m] ; R[m+1] = R[m] + L[m]"))
    >>> [n.variable if isinstance(n, Loop) else n.name for n in hoisted(plan, {"L": (8,), "R": (9,)}, 8)]
    ['L', 'm']
    """
    result: list[Node] = []
    for node in plan:
        if isinstance(node, Einsum):
            result.append(node)
            continue
        inside = {s.name for s in statements(node)}
        before: list[Node] = []
        for child in node.body:
            if not isinstance(child, Einsum) or prod(shapes[child.name]) > limit:
                continue
            alone = sum(s.name == child.name for s in statements(node)) == 1
            if alone and not any(a.tensor in inside for a in read_accesses(child)):
                before.append(child)
                inside.discard(child.name)
        rest = tuple(child for child in node.body if not any(child is b for b in before))
        result += [*before, replace(node, body=rest)]
    return result


def inlined(
    cascade: Cascade, names: Mapping[str, Value], shapes: Mapping[str, Sequence[int]], kept: Sequence[str]
) -> list[Einsum]:
    """Return the statements with accesses to plain views replaced by what they show, where nothing gets lost.

    A plain view shows one tensor at other indices. Views that nobody needs any more are left out.

    >>> from einsum_cascade import Cascade, load, shape
    >>> from einsum_cascade.einsum import show
    >>> from einsum_cascade.shapes import tensor_shapes
    >>> cascade = load(Cascade, "attention_1pass")
    >>> names = shape(cascade)
    >>> show(inlined(cascade, names, tensor_shapes(cascade, names), ["AV"])[3])
    'BQK[m1,m0,p] = Q[e,p] * K[e,m1 * M0 + m0]'
    """
    plain = {s.name: s for s in cascade.views if _is_plain(s) and len(cascade.definitions(s.name)) == 1}

    def inside(index: Expression, extent: int) -> bool:
        limits = bounds(index, cascade, names)
        return limits is not None and limits[0] >= 0 and limits[1] < extent

    def visit(node: Expression) -> Expression:
        if isinstance(node, Apply):
            return replace(node, arguments=tuple(map(visit, node.arguments)))
        if not isinstance(node, Access):
            return node
        node = replace(node, indices=tuple(map(visit, node.indices)))
        view = plain.get(node.tensor)
        if view is None or not all(map(inside, node.indices, shapes[node.tensor])):
            return node
        return visit(substitute(view.expression, dict(zip(variables(*view.target.indices), node.indices, strict=True))))

    found = []
    for s in cascade.statements:
        target = replace(s.target, indices=tuple(map(visit, s.target.indices)))
        conditions = tuple(replace(c, left=visit(c.left), right=visit(c.right)) for c in s.conditions)
        found.append(replace(s, target=target, expression=visit(s.expression), conditions=conditions))
    while True:
        read = {a.tensor for s in found for a in read_accesses(s)} | set(kept)
        needed = [s for s in found if s.name in read or s.name not in plain]
        if len(needed) == len(found):
            return found
        found = needed


def _is_plain(view: Einsum) -> bool:
    indices = view.target.indices
    names = variables(*indices)
    return (
        isinstance(view.expression, Access)
        and not view.conditions
        and not view.reductions
        and all(isinstance(i, Variable) for i in indices)
        and len(names) == len(indices)
        and set(variables(view.expression)) <= set(names)
    )
