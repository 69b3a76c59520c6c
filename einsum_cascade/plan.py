"""The order in which statements run: steps, and loops over the ranks through which a recurrence goes.

A strongly connected set of statements runs once per value of one of its variables, in the order of the text: a running
rank (`RM[m1+1]` from `RM[m1]`), or a well-founded recursion (`U[i]` from `U[j] | j < i`). `fuse` then moves the
statements that stream through the same variable into the loop, so that their tensors need to exist one slice at a time:
that is what a pass is.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from einsum_cascade.einsum import (
    Access,
    Apply,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    iteration_variables,
    read_accesses,
    variables,
)
from einsum_cascade.errors import Diagnostic, SpecError


@dataclass(frozen=True)
class Loop:
    """`body` runs once for every value of `variable`, in ascending order."""

    variable: str
    body: tuple["Node", ...]


Node = Einsum | Loop


def statements(*nodes: Node) -> Iterator[Einsum]:
    """Yield the statements in `nodes`, loops included.

    >>> from einsum_cascade.parse import parse
    >>> [s.name for s in statements(Loop("m", (parse("R[m+1] = R[m] + A[m]"),)))]
    ['R']
    """
    for node in nodes:
        if isinstance(node, Loop):
            yield from statements(*node.body)
        else:
            yield node


def shift(index: Expression) -> tuple[str, int] | None:
    """Return (v, c) where `index` is `v`, `v+c` or `v-c` with a number c, else None.

    >>> from einsum_cascade.parse import parse_expression
    >>> shift(parse_expression("m1+1")), shift(parse_expression("m1*M0+m0"))
    (('m1', 1), None)
    """
    if isinstance(index, Variable):
        return index.name, 0
    if isinstance(index, Apply) and index.operator in ("add", "sub") and isinstance(index.arguments[1], Number):
        inner, step = shift(index.arguments[0]), index.arguments[1].value
        if inner and isinstance(step, int):
            return inner[0], inner[1] + (step if index.operator == "add" else -step)
    if isinstance(index, Apply) and index.operator == "add" and isinstance(index.arguments[0], Number):
        return shift(Apply("add", (index.arguments[1], index.arguments[0])))
    return None


def schedule(given: Sequence[Einsum], fused: bool = True) -> tuple[Node, ...]:
    """Return the plan of a list of statements.

    Raises SpecError where a tensor depends on itself without advancing along any rank.

    >>> from einsum_cascade.parse import parse_line
    >>> plan = schedule(parse_line("L[m] = A[m] * B[m] ; R[m+1] = R[m] + L[m] ; Z[] = R[M]"))
    >>> [n.variable if isinstance(n, Loop) else n.name for n in plan]
    ['m', 'Z']
    """
    nodes = _order(list(given), frozenset())
    if fused:
        for variable in dict.fromkeys(n.variable for n in nodes if isinstance(n, Loop)):
            nodes = _fuse(nodes, variable)
    return tuple(nodes)


Carried = frozenset[tuple[int, int]]  # (id of writer, id of reader) whose dependence goes through an earlier step


def _order(given: list[Einsum], carried: Carried, looped: tuple[str, ...] = ()) -> list[Node]:
    """Topological order of the strongly connected components; ties in the order of the text."""
    writers: dict[str, list[int]] = {}
    for k, s in enumerate(given):
        writers.setdefault(s.name, []).append(k)
    needs = [
        {w for a in read_accesses(s) for w in writers.get(a.tensor, ()) if (id(given[w]), id(s)) not in carried}
        for s in given
    ]
    waiting = components(needs)
    done: set[int] = set()
    result: list[Node] = []
    while waiting:
        members = next(m for m in waiting if all(n in done or n in m for k in m for n in needs[k]))
        waiting.remove(members)
        done |= set(members)
        single = len(members) == 1 and members[0] not in needs[members[0]]
        group = [given[k] for k in members]
        result.append(group[0] if single else _recurrence(group, carried, looped))
    return result


def components(needs: Sequence[set[int]]) -> list[list[int]]:
    """Return the strongly connected components of a graph node -> nodes, each sorted, by their first members.

    Written here because importing a graph library costs more than everything else that a command does.

    >>> components([{1}, {0}, {1}])
    [[0, 1], [2]]
    """
    reach = [set(n) for n in needs]
    changed = True
    while changed:
        changed = False
        for k, found in enumerate(reach):
            further = set().union(found, *(reach[n] for n in found))
            if len(further) > len(found):
                reach[k], changed = further, True
    groups = {k: sorted({k, *(n for n in reach[k] if k in reach[n])}) for k in range(len(needs))}
    return [group for k, group in groups.items() if group[0] == k]


def _recurrence(group: list[Einsum], carried: Carried, looped: tuple[str, ...]) -> Loop:
    names = {s.name for s in group}
    for variable in dict.fromkeys(v for s in group for i in s.target.indices for v in variables(i)):
        edges = _carried(group, names, variable) if variable not in looped else None
        if edges:
            try:
                return Loop(variable, tuple(_order(group, carried | edges, (*looped, variable))))
            except SpecError:
                continue
    cycle = ", ".join(sorted(names))
    message = f"{cycle} depend{'s' * (len(names) == 1)} on {'itself' if len(names) == 1 else 'each other'}"
    hint = "a running rank writes X[v+1] from X[v]; a recursion reads X[j] | j < i where it writes X[i]"
    raise SpecError(
        [Diagnostic(place=group[0].place, message=message + " without advancing along any rank", hint=hint)]
    )


def _carried(group: list[Einsum], names: set[str], variable: str) -> Carried | None:
    """Return the dependences that go through an earlier step of `variable`; None if the group cannot loop over it."""
    axis: dict[str, int] = {}
    offset: dict[str, int] = {}
    for s in group:
        found = [(k, sh[1]) for k, i in enumerate(s.target.indices) if (sh := shift(i)) and sh[0] == variable]
        if len(found) != 1 or axis.setdefault(s.name, found[0][0]) != found[0][0]:
            return None
        offset[s.name] = min(offset.get(s.name, found[0][1]), found[0][1])
    edges: set[tuple[int, int]] = set()
    for s in group:
        for a in read_accesses(s):
            if a.tensor not in names:
                continue
            step = _step(s, a.indices[axis[a.tensor]] if axis[a.tensor] < len(a.indices) else Number(0), variable)
            if step is None or step > offset[a.tensor]:
                return None
            if step < offset[a.tensor]:
                edges |= {(id(other), id(s)) for other in group if other.name == a.tensor}
    return frozenset(edges)


def _step(s: Einsum, index: Expression, variable: str) -> int | None:
    """Return the latest coordinate read, relative to the value of `variable`; None if it is not bounded by it."""
    form = shift(index)
    if form is None:
        return None
    if form[0] == variable:
        return form[1]
    bounds = []
    for c in s.conditions:
        left, right = shift(c.left), shift(c.right)
        if left and right:
            for low, high, sign in ((left, right, c.operator), (right, left, {"gt": "lt", "ge": "le"}.get(c.operator))):
                if low[0] == form[0] and high[0] == variable and sign in ("lt", "le"):
                    bounds.append(high[1] - low[1] - (sign == "lt") + form[1])
    return min(bounds, default=None)


def kept_offset(s: Einsum, variable: str) -> int | None:
    """Return c where one index of the target is exactly variable + c, else None.

    >>> from einsum_cascade.parse import parse
    >>> kept_offset(parse("R[f,m+1] = R[f,m] + A[m]"), "m")
    1
    """
    found = [sh[1] for i in s.target.indices if (sh := shift(i)) and sh[0] == variable]
    return found[0] if len(found) == 1 else None


def _streams(reader: Einsum, writer: Einsum, variable: str) -> bool:
    """Whether `reader` needs, at each step of `variable`, only what `writer` has made by then."""
    offset = kept_offset(writer, variable)
    axis = next((k for k, i in enumerate(writer.target.indices) if (sh := shift(i)) and sh[0] == variable), None)
    if offset is None or axis is None:
        return False
    for a in read_accesses(reader):
        if a.tensor == writer.name:
            step = shift(a.indices[axis])
            if step is None or step[0] != variable or step[1] > offset:
                return False
    return True


def _fuse(nodes: Sequence[Node], variable: str) -> list[Node]:
    """Move the steps that stream through `variable` into its loops."""
    level: list[int] = []
    inside: list[bool] = []
    for n, node in enumerate(nodes):
        own = list(statements(node))
        loops = isinstance(node, Loop) and node.variable == variable
        inside.append(loops or (isinstance(node, Einsum) and node.role == "einsum" and _fusible(node, variable)))
        here = 0 if inside[n] else -1
        for m, other in enumerate(nodes[:n]):
            for writer in statements(other):
                readers = [r for r in own if any(a.tensor == writer.name for a in read_accesses(r))]
                if not readers:
                    continue
                if inside[n]:
                    streams = inside[m] and all(_streams(r, writer, variable) for r in readers)
                    here = max(here, level[m] if streams else level[m] + 1)
                else:
                    here = max(here, level[m])
        level.append(here)
    result: list[Node] = [n for k, n in enumerate(nodes) if level[k] < 0]
    for at in range(max([*level, -1]) + 1):
        body = [n for k, n in enumerate(nodes) if level[k] == at and inside[k]]
        if any(isinstance(n, Loop) for n in body):
            flat = [b for n in body for b in (n.body if isinstance(n, Loop) else (n,))]
            result.append(Loop(variable, tuple(flat)))
        else:
            result += body
        result += [n for k, n in enumerate(nodes) if level[k] == at and not inside[k]]
    return result


def _fusible(s: Einsum, variable: str) -> bool:
    """Whether a step can run slice by slice: the variable is kept, not scattered, not selected over."""
    made = {r.variable for r in s.reductions} | {r.into for r in s.reductions}
    scattered = any(accesses(i) for i in s.target.indices)
    return kept_offset(s, variable) is not None and variable not in made and not scattered


def resolve_views(s: Einsum, views: dict[str, Einsum]) -> Einsum:
    """Return `s` with accesses to plain views replaced by what they show: BK[e,m1,m0] becomes K[e,m1*M0+m0].

    For the analysis of structure (passes); whether a view's own range cuts the result is not looked at.

    >>> from einsum_cascade.parse import parse
    >>> view = parse("BK[e,m1,m0] = K[e,m1*M0+m0]")
    >>> resolve_views(parse("L[m1] = BK[E,m1,m0] :: max(m0)"), {"BK": view}).expression
    Access(tensor='K', indices=(Constant(name='E'), Apply(operator='add', arguments=(Apply(operator='mul', \
arguments=(Variable(name='m1'), Constant(name='M0'))), Variable(name='m0')))))
    """
    from einsum_cascade.einsum import substitute

    def visit(node: Expression) -> Expression:
        if isinstance(node, Access):
            node = replace(node, indices=tuple(map(visit, node.indices)))
            view = views.get(node.tensor)
            if view is None or not isinstance(view.expression, Access):
                return node
            names = [i.name if isinstance(i, Variable) else "" for i in view.target.indices]
            if "" in names:
                return node
            return visit(substitute(view.expression, dict(zip(names, node.indices, strict=True))))
        if isinstance(node, Apply):
            return replace(node, arguments=tuple(map(visit, node.arguments)))
        return node

    target = replace(s.target, indices=tuple(map(visit, s.target.indices)))
    conditions = tuple(replace(c, left=visit(c.left), right=visit(c.right)) for c in s.conditions)
    return replace(s, target=target, expression=visit(s.expression), conditions=conditions)


__all__ = ["Loop", "Node", "iteration_variables", "kept_offset", "resolve_views", "schedule", "shift", "statements"]
