"""The macro ATTEND(m; S[m,p], V[f,m]): softmax attention in one of eight variants, expanded into Einsums.

The variants and their names are those of FuseMax (MICRO'24, section IV) and of the algorithms that they come from. A
tiled variant splits the attended rank M into M1 tiles of M0 (parameters M0 and M1, by default tiles of 128). Running
values have no initial value: they are absent at the start and the union merge of max and + makes the first tile count
alone, which is right also where leading tiles are masked completely (-inf - -inf would not be).
"""

import re
from dataclasses import replace

from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import (
    Access,
    Apply,
    Attend,
    Condition,
    Einsum,
    Expression,
    Number,
    Variable,
    accesses,
    show,
    substitute,
    variables,
    walk,
)
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.parse import parse_expression, parse_line

TILED = ("local2", "summary", "online1", "fa1")
TILE = """
LM[{t},{p}] = {s} :: {max}
"""
LOCAL = (
    TILE
    + """
SLN[{t},{i},{p}] = exp({s} - LM[{t},{p}])
SLD[{t},{p}] = SLN[{t},{i},{p}]
"""
)
RECOMPOSED = """
GM[{p}] = LM[{t},{p}] :: max({t})
CF[{t},{p}] = exp(LM[{t},{p}] - GM[{p}])
SD[{p}] = SLD[{t},{p}] * CF[{t},{p}]
"""
RUNNING = """
RM[{t}+1,{p}] = max(RM[{t},{p}], LM[{t},{p}])
PRM[{t},{p}] = exp(RM[{t},{p}] - RM[{t}+1,{p}])
"""
VARIANTS = {
    "naive": """
SN[{m},{p}] = exp({s})
SD[{p}] = SN[{m},{p}]
A[{m},{p}] = SN[{m},{p}] / SD[{p}]
{out} = A[{m},{p}] * {v}
""",
    "lazy": """
SN[{m},{p}] = exp({s})
SD[{p}] = SN[{m},{p}]
NV[{o}] = SN[{m},{p}] * {v}
{out} = NV[{o}] / SD[{p}]
""",
    "stable3": """
GM[{p}] = {s} :: {max}
SN[{m},{p}] = exp({s} - GM[{p}])
SD[{p}] = SN[{m},{p}]
A[{m},{p}] = SN[{m},{p}] / SD[{p}]
{out} = A[{m},{p}] * {v}
""",
    "stable2": """
GM[{p}] = {s} :: {max}
SN[{m},{p}] = exp({s} - GM[{p}])
SD[{p}] = SN[{m},{p}]
NV[{o}] = SN[{m},{p}] * {v}
{out} = NV[{o}] / SD[{p}]
""",
    "local2": LOCAL
    + RECOMPOSED
    + """
SN[{t},{i},{p}] = SLN[{t},{i},{p}] * CF[{t},{p}]
A[{t},{i},{p}] = SN[{t},{i},{p}] / SD[{p}]
{out} = A[{t},{i},{p}] * {v}
""",
    "summary": LOCAL
    + """
SLNV[{t},{o}] = SLN[{t},{i},{p}] * {v}
"""
    + RECOMPOSED
    + """
NV[{o}] = SLNV[{t},{o}] * CF[{t},{p}]
{out} = NV[{o}] / SD[{p}]
""",
    "online1": TILE
    + RUNNING
    + """
SLN[{t},{i},{p}] = exp({s} - RM[{t}+1,{p}])
SLD[{t},{p}] = SLN[{t},{i},{p}]
SLNV[{t},{o}] = SLN[{t},{i},{p}] * {v}
SPD[{t},{p}] = RD[{t},{p}] * PRM[{t},{p}]
RD[{t}+1,{p}] = SLD[{t},{p}] + SPD[{t},{p}]
SPNV[{t},{o}] = RNV[{t},{o}] * PRM[{t},{p}]
RNV[{t}+1,{o}] = SLNV[{t},{o}] + SPNV[{t},{o}]
{out} = RNV[{last},{o}] / RD[{last},{p}]
""",
    "fa1": LOCAL
    + RUNNING
    + """
SLNV[{t},{o}] = SLN[{t},{i},{p}] * {v}
PL[{t},{p}] = exp(LM[{t},{p}] - RM[{t}+1,{p}])
RD[{t}+1,{p}] = SLD[{t},{p}] * PL[{t},{p}] + RD[{t},{p}] * PRM[{t},{p}]
RO[{t}+1,{o}] = (RO[{t},{o}] * RD[{t},{p}] * PRM[{t},{p}] + PL[{t},{p}] * SLNV[{t},{o}]) / RD[{t}+1,{p}]
{out} = RO[{last},{o}]
""",
}


def expand(cascade: Cascade, variant: str = "", place: Place | None = None) -> Cascade:
    """Return `cascade` with every ATTEND replaced by the Einsums of `variant` (default stable3).

    Raises SpecError at an unknown variant, and at a variable that is not attended over properly.

    >>> from einsum_cascade import read_cascades
    >>> text = "cascade: a\\nvariant: naive\\ninputs: {S: [M, P], V: [F, M]}\\noutputs: [AV]\\n"
    >>> [s.name for s in read_cascades(text + "einsums: AV[f,p] = ATTEND(m; S[m,p], V[f,m])")[0].einsums]
    ['SN', 'SD', 'A', 'AV']
    """
    if variant and variant not in VARIANTS:
        hint = did_you_mean(variant, VARIANTS)
        raise SpecError(
            [
                Diagnostic(
                    place=place or cascade.place,
                    message=f"unknown variant {variant}",
                    expected="one of " + ", ".join(VARIANTS),
                    hint=hint,
                )
            ]
        )
    wrong = _misplaced(cascade)
    while not wrong:
        at = next((k for k, s in enumerate(cascade.statements) if _innermost(s.expression)), None)
        if at is None:
            return cascade
        statement = cascade.statements[at]
        attend = _innermost(statement.expression)
        assert attend is not None
        if statement.expression is attend:
            cascade = _expand_one(cascade, at, attend, variant or "stable3", wrong)
        else:
            cascade = _with(cascade, at, _nested(cascade, statement, attend))
    raise SpecError(wrong)


def _misplaced(cascade: Cascade) -> list[Diagnostic]:
    """ATTEND in a condition or an index, and a reduction beside it."""
    wrong = []
    for s in cascade.statements:
        sides = [side for c in s.conditions for side in (c.left, c.right)]
        indices = [i for n in walk(s.expression) if isinstance(n, Access) for i in n.indices]
        for where, nodes in (("a condition", sides), ("an index", [*indices, *s.target.indices])):
            found = next((n for node in nodes for n in walk(node) if isinstance(n, Attend)), None)
            if found is not None:
                hint = "give its result a tensor of its own: X[...] = ATTEND(...)"
                wrong.append(Diagnostic(place=found.place, message=f"ATTEND cannot stand in {where}", hint=hint))
        if isinstance(s.expression, Attend) and s.reductions:
            place, hint = s.reductions[0].place, "it reduces the variables before the semicolon"
            wrong.append(Diagnostic(place=place, message="ATTEND takes no reduction", hint=hint))
    return wrong


def _innermost(node: Expression) -> Attend | None:
    found = [n for n in walk(node) if isinstance(n, Attend)]
    return found[-1] if found else None


def _replace(node: Expression, old: Expression, new: Expression) -> Expression:
    if node is old:
        return new
    if isinstance(node, Apply):
        return replace(node, arguments=tuple(_replace(a, old, new) for a in node.arguments))
    if isinstance(node, Attend):
        return replace(node, score=_replace(node.score, old, new), value=_replace(node.value, old, new))
    return node


def _with(cascade: Cascade, at: int, statements: list[Einsum]) -> Cascade:
    return replace(cascade, statements=(*cascade.statements[:at], *statements, *cascade.statements[at + 1 :]))


def _nested(cascade: Cascade, statement: Einsum, attend: Attend) -> list[Einsum]:
    """Give an ATTEND inside a larger expression a tensor of its own, and the conditions that speak of its variables.

    Its result keeps what the value has and what is used around it; what occurs in the score alone is contracted there.
    """
    taken = {s.name for s in cascade.statements} | set(cascade.inputs)
    name = next(n for k in range(1, 99) if (n := f"{statement.name}_ATT{k if k > 1 else ''}") not in taken)
    around = _replace(statement.expression, attend, Number(0))
    outside = {*variables(*statement.target.indices, around), *variables(attend.value)}
    outside |= {v for n in walk(around) if isinstance(n, Attend) for v in n.variables}
    order = dict.fromkeys((*variables(*statement.target.indices), *variables(attend.value), *variables(attend.score)))
    own = set(variables(attend.score, attend.value)) & outside - set(attend.variables)
    target = Access(name, tuple(Variable(v) for v in order if v in own), attend.place)
    inner = tuple(c for c in statement.conditions if set(variables(c.left, c.right)) & set(attend.variables))
    rest = tuple(c for c in statement.conditions if c not in inner)
    made = Einsum(target=target, expression=attend, conditions=inner, place=statement.place)
    return [made, replace(statement, expression=_replace(statement.expression, attend, target), conditions=rest)]


def _expand_one(cascade: Cascade, at: int, attend: Attend, variant: str, wrong: list[Diagnostic]) -> Cascade:
    statement = cascade.statements[at]
    kept = variables(*statement.target.indices)
    over = attend.variables
    wrong += [
        Diagnostic(place=attend.place, message=f"{v} is attended over and stands in the target too")
        for v in over
        if v in kept
    ] + [
        Diagnostic(
            place=attend.place,
            message=f"{v} is attended over but does not occur in the score",
            hint=did_you_mean(v, variables(attend.score)),
        )
        for v in over
        if v not in variables(attend.score)
    ]
    if wrong:
        return cascade
    score, value, conditions = attend.score, attend.value, statement.conditions
    inner = list(over)
    if tiled := variant in TILED:
        m = over[0]
        step, tile = f"{m}1", f"{m}0"
        cascade = _tile_rank(cascade, m)
        whole = {m: parse_expression(f"{step}*{tile.upper()}+{tile}")}
        score, value = substitute(score, whole), substitute(value, whole)
        conditions = tuple(
            Condition(substitute(c.left, whole), c.operator, substitute(c.right, whole), c.place) for c in conditions
        )
        inner[0] = tile
    attended = [f"{over[0]}1"] * tiled + inner
    p = [v for v in kept if v in variables(score)]
    o = [v for v in kept if v in variables(score, value)]
    lines: list[Einsum] = []
    bare = isinstance(score, Access) and set(variables(score)) == {*attended, *p} and not conditions
    names = _names(cascade, attend, statement.name, variant)
    if not bare:
        target = Access(names("BQK" if tiled else "QK"), tuple(Variable(v) for v in (*attended, *p)), attend.place)
        lines.append(Einsum(target=target, expression=score, conditions=conditions, place=attend.place))
        score = target
    text = re.sub(r"\b([A-Z]+)\[", lambda own: names(own[1]) + "[", VARIANTS[variant])
    text = text.format(
        m=",".join(over), t=f"{over[0]}1", i=",".join(inner), p=",".join(p), o=",".join(o), s=show(score),
        v=_operand(value), out=show(statement.target), last=f"{over[0]}1".upper(),
        max=", ".join(f"max({v})" for v in inner),
    ).replace(",]", "]")  # fmt: skip
    lines += [_located(made, attend.place) for line in text.splitlines() for made in parse_line(line)]
    return _with(cascade, at, lines)


def _operand(value: Expression) -> str:
    return show(value) if isinstance(value, Access) else f"({show(value)})"


def _located(einsum: Einsum, place: Place) -> Einsum:
    """Give every node the place of the macro."""

    def visit(node: Expression) -> Expression:
        if isinstance(node, Access):
            return Access(node.tensor, tuple(map(visit, node.indices)), place)
        if isinstance(node, Apply):
            return Apply(node.operator, tuple(map(visit, node.arguments)), place)
        return replace(node, place=place)

    target = visit(einsum.target)
    assert isinstance(target, Access)
    return replace(einsum, target=target, expression=visit(einsum.expression), place=place)


def _tile_rank(cascade: Cascade, variable: str) -> Cascade:
    """Add the parameters M0 and M1 of variable m, and let the sequence run over m1, m0."""
    whole, steps, tile = cascade.rank(variable), f"{variable}1".upper(), f"{variable}0".upper()
    params = dict(cascade.params)
    if tile not in {**cascade.ranks, **params}:
        params[tile] = parse_expression("128")
    if steps not in {**cascade.ranks, **params}:
        params[steps] = parse_expression(f"({whole} + {tile} - 1) // {tile}")
    sequence = [v for s in cascade.sequence for v in ((f"{variable}1", f"{variable}0") if s == variable else (s,))]
    return replace(cascade, params=params, sequence=tuple(dict.fromkeys(sequence)))


class _names:
    """The names of generated tensors: FuseMax's own where they are free, else with the result's name behind."""

    def __init__(self, cascade: Cascade, attend: Attend, result: str, variant: str) -> None:
        own = set(re.findall(r"\b([A-Z]+)\[", VARIANTS[variant])) | {"QK", "BQK"}
        read = {a.tensor for a in accesses(attend.score) + accesses(attend.value)}
        taken = {s.name for s in cascade.statements} | set(cascade.inputs) | read | {result}
        self.suffix = f"_{result}" if own & taken else ""

    def __call__(self, name: str) -> str:
        return name + self.suffix
