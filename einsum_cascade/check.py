"""Well-formedness of a cascade: names known, index lists of the right length, recursions well-founded."""

from collections.abc import Callable, Iterator

from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import (
    Access,
    Constant,
    Einsum,
    Variable,
    accesses,
    iteration_variables,
    read_accesses,
    reduced_variables,
    selection,
    show,
    variables,
    walk,
)
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.plan import schedule

At = Callable[..., Place]


def check(cascade: Cascade, at: At) -> list[Diagnostic]:
    """Return every mistake that concerns more than one statement or a name; `at(*path)` gives places in the file.

    >>> from einsum_cascade.parse import parse
    >>> cascade = Cascade(name="a", outputs=("Z",), statements=(parse("Z[] = A[k]"),))
    >>> [d.message for d in check(cascade, lambda *path: Place())][0]
    'unknown tensor A'
    """
    ranks = _known_ranks(cascade)
    found = [*_tensors(cascade, at), *_names(cascade, at, ranks)]
    for statement in cascade.statements:
        found += _reductions(statement)
        found += _ranks(cascade, statement, ranks)
    found += _twice(cascade)
    if not found:
        try:
            schedule(cascade.statements)
        except SpecError as error:
            found += error.diagnostics
    return found


def _known_ranks(cascade: Cascade) -> set[str]:
    dimensions = [d for dims in (*cascade.inputs.values(), *cascade.declared.values()) for d in dims]
    names = {n.name for d in dimensions for n in walk(d) if isinstance(n, Constant)}
    return {*cascade.ranks, *cascade.params, *names, *cascade.variables.values()}


def _tensors(cascade: Cascade, at: At) -> Iterator[Diagnostic]:
    """Every tensor is known, written where it should be, and read with as many indices as it has ranks."""
    written = {s.name for s in cascade.statements if s.role != "initial"}
    known = written | set(cascade.inputs)
    ranks = {t: len(d) for t, d in {**cascade.inputs, **cascade.declared}.items()}
    for s in cascade.statements:
        if s.name in cascade.inputs:
            yield Diagnostic(
                place=s.target.place,
                message=f"{s.name} is an input and cannot be written",
                hint="give the result another name",
            )
        ranks.setdefault(s.name, len(s.target.indices))
        if s.role == "initial" and s.name not in written:
            yield Diagnostic(
                place=s.target.place,
                message=f"{s.name} has an initial value but no definition",
                expected=f"an Einsum that writes {s.name}[...+1]",
                hint=did_you_mean(s.name, written),
            )
    for s in cascade.statements:
        for a in [s.target, *read_accesses(s)]:
            if a.tensor not in known and a is not s.target:
                yield Diagnostic(
                    place=a.place,
                    message=f"unknown tensor {a.tensor}",
                    expected="an input, a view or the left side of an Einsum",
                    hint=did_you_mean(a.tensor, known),
                )
            elif a.tensor in ranks and len(a.indices) != ranks[a.tensor]:
                count = ranks[a.tensor]
                yield Diagnostic(
                    place=a.place,
                    message=f"{a.tensor} has {len(a.indices)} ind{_ices(len(a.indices))} here",
                    expected=f"{count} ind{_ices(count)}, as where it is defined",
                )
    for i, name in enumerate(cascade.outputs):
        if name not in known:
            yield Diagnostic(
                place=at("outputs", i), message=f"no Einsum writes the output {name}", hint=did_you_mean(name, written)
            )
    for section, names in (("declare", cascade.declared), ("density", cascade.density)):
        for name in names:
            if name not in written:
                yield Diagnostic(
                    place=at(section, f"{name}#key"),
                    message=f"{section} names {name}, which no Einsum writes",
                    hint=did_you_mean(name, written),
                )
    for name, value in cascade.density.items():
        if not 0 <= value <= 1:
            yield Diagnostic(
                place=at("density", name), message=f"density {value} of {name}", expected="between 0 and 1"
            )


def _ices(count: int) -> str:
    return "ex" if count == 1 else "ices"


def _names(cascade: Cascade, at: At, ranks: set[str]) -> Iterator[Diagnostic]:
    """Constants, variables of `seq` and `stop`."""
    used = {v for s in cascade.statements for v in iteration_variables(s)}
    used |= {r.into for s in cascade.statements for r in s.reductions if r.into}
    ranks = ranks | {cascade.rank(v) for v in used}
    for s in cascade.statements:
        sides = [side for c in s.conditions for side in (c.left, c.right)]
        for node in (n for e in (s.target, s.expression, *sides) for n in walk(e)):
            if isinstance(node, Constant) and node.name not in ranks:
                tensors = {*cascade.inputs, *(o.name for o in cascade.statements)}
                hint = f"write {node.name}[...] to read the tensor" if node.name in tensors else ""
                yield Diagnostic(
                    place=node.place,
                    message=f"unknown constant {node.name}",
                    expected="a rank or a parameter",
                    hint=hint or did_you_mean(node.name, ranks) or "define it under `params`",
                )
    for section, dims in (("inputs", cascade.inputs), ("declare", cascade.declared)):
        for tensor, expressions in dims.items():
            for i, e in enumerate(expressions):
                for node in walk(e):
                    if isinstance(node, Variable):
                        yield Diagnostic(
                            place=at(section, tensor, i),
                            message=f"{node.name} is not a rank",
                            expected="an upper-case rank or a size",
                            hint=f"write {node.name.upper()}",
                        )
    sizes = {
        "ranks": cascade.ranks,
        "params": cascade.params,
        "stop": cascade.stop,
        "expect": cascade.expect.operations,
    }
    formulas = [e for section in sizes.values() for e in section.values()]
    for e in [*formulas, *([cascade.expect.macs] if cascade.expect.macs else [])]:
        for node in walk(e):
            name = (
                node.name if isinstance(node, Constant | Variable) else node.tensor if isinstance(node, Access) else ""
            )
            if name and not (isinstance(node, Constant) and name in ranks):
                yield Diagnostic(
                    place=node.place,
                    message=f"unknown constant {name}",
                    expected="a rank or a parameter",
                    hint=did_you_mean(name, ranks),
                )
    for name in cascade.stop:
        if name not in used:
            yield Diagnostic(
                place=at("stop", f"{name}#key"),
                message=f"no Einsum uses the variable {name}",
                hint=did_you_mean(name, used),
            )
    for i, name in enumerate(cascade.sequence):
        if name not in used:
            yield Diagnostic(
                place=at("seq", i), message=f"no Einsum uses the variable {name}", hint=did_you_mean(name, used)
            )


def _ranks(cascade: Cascade, s: Einsum, ranks: set[str]) -> Iterator[Diagnostic]:
    """Every variable runs over a rank that something gives a size to."""
    chosen = selection(s)
    for name in (*iteration_variables(s), *([chosen.into] if chosen and chosen.into else [])):
        if cascade.rank(name) not in ranks:
            place = next(
                (
                    n.place
                    for e in (s.target, s.expression)
                    for n in walk(e)
                    if isinstance(n, Variable) and n.name == name
                ),
                s.place,
            )
            known = {v for other in cascade.statements for v in iteration_variables(other) if cascade.rank(v) in ranks}
            hint = did_you_mean(name, known) if len(name) > 1 else ""
            yield Diagnostic(
                place=place,
                message=f"nothing gives a size to rank {cascade.rank(name)} of variable {name}",
                expected="a rank of an input, of `ranks` or of `params`",
                hint=hint or f"vars: {{{name}: RANK}} says over which rank {name} runs",
            )


def _reductions(s: Einsum) -> Iterator[Diagnostic]:
    """A reduced variable is read and does not stand in the target; a selection's new one stands only there."""
    reduced, inside = reduced_variables(s), set(variables(s.expression))
    seen: set[str] = set()
    selections = [r for r in s.reductions if r.operator.startswith("arg")]
    for r in s.reductions:
        where = {v for c in s.conditions for side in (c.left, c.right) for v in variables(side)}
        if r.variable not in reduced and r.variable in iteration_variables(s):
            yield Diagnostic(
                place=r.place,
                message=f"{r.variable} is reduced but stands in the target {show(s.target)}",
                hint=f"leave {r.variable} out on one of the two sides",
            )
        elif r.variable not in inside | where | set(reduced):
            yield Diagnostic(
                place=r.place,
                message=f"{r.variable} is reduced but does not occur in the expression",
                hint=did_you_mean(r.variable, set(reduced)),
            )
        if r.variable in seen:
            yield Diagnostic(place=r.place, message=f"{r.variable} is reduced twice")
        seen.add(r.variable)
        if r.into and (r.into not in variables(*s.target.indices) or r.into in inside):
            yield Diagnostic(
                place=r.place,
                message=f"{r.operator} writes coordinates into the new variable {r.into}",
                expected=f"{r.into} in the target and not in the expression",
            )
    if len(selections) > 1:
        yield Diagnostic(place=selections[1].place, message="one selection a statement", hint="write two Einsums")
    scattered = any(accesses(i) for i in s.target.indices)
    if scattered and s.role == "einsum" and reduced and not s.reductions:
        yield Diagnostic(
            place=s.target.place,
            message=f"a scatter into {s.name} needs its reduction",
            expected="how values meet that fall on one coordinate",
            hint=f"write {show(s)} :: sum(...)",
        )


def _twice(cascade: Cascade) -> Iterator[Diagnostic]:
    """Two definitions of the same points."""
    before: dict[Access, list[Einsum]] = {}
    for s in cascade.statements:
        same = [b for b in before.setdefault(s.target, []) if not (s.conditions and b.conditions)
                or s.conditions == b.conditions]  # fmt: skip
        if same:
            yield Diagnostic(
                place=s.target.place,
                message=f"{show(s.target)} is defined a second time",
                expected="a single assignment per point",
                hint=f"it is defined in line {same[0].place.line}; pieces need disjoint conditions",
            )
        before[s.target].append(s)
