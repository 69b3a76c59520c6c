"""Formulas of a sweep file: conditions and derived values, in the language of cascades, over columns, with units."""

from collections.abc import Collection

from archsim.sweeps.axes import SHORT
from archsim.sweeps.column import comes_out
from archsim.units import DIMENSIONS
from einsum_cascade.einsum import Apply, Condition, Constant, Expression, Variable, walk
from einsum_cascade.errors import Diagnostic, Place, SpecError
from einsum_cascade.parse import parse_conditions, parse_expression

__all__ = ["conditions", "formula"]

UNITS: dict[str, float] = {**SHORT, **{u: f for units in DIMENSIONS.values() for u, f in units.items()}}
"""What may stand behind a number: as in the values of an axis, K, M and G are powers of 1024, units of SI."""


def formula(text: str, place: Place, texts: Collection[str]) -> Expression:
    """Return a derived value. Raises SpecError: it cannot be read, or names what is no number before an evaluation.

    Parameters
    ----------
    texts : columns that hold texts.
    """
    found = _over_columns(parse_expression(text, place, UNITS))
    _refuse([found], texts)
    return found


def conditions(text: str, place: Place, texts: Collection[str]) -> list[Condition]:
    """Return the conditions of a text, joined by `and`. Raises SpecError, as `formula`."""
    parsed = parse_conditions(text, place, UNITS)
    found = [Condition(_over_columns(c.left), c.operator, _over_columns(c.right), c.place) for c in parsed]
    _refuse([side for c in found for side in (c.left, c.right)], texts)
    return found


def _over_columns(node: Expression) -> Expression:
    """Return an expression in which a lower-case name is the name of a column, not of a rank variable."""
    if isinstance(node, Variable):
        return Constant(node.name, node.place)
    if isinstance(node, Apply):
        return Apply(node.operator, tuple(_over_columns(a) for a in node.arguments), node.place)
    return node


def _refuse(expressions: Collection[Expression], texts: Collection[str]) -> None:
    wrong = []
    for constant in (c for e in expressions for c in walk(e) if isinstance(c, Constant)):
        if comes_out(constant.name):
            message = f"{constant.name} is known only when a point has been evaluated"
            hint = "choose by results afterwards: `archsim query`, or --where of pareto and plot"
            wrong.append(Diagnostic(place=constant.place, message=message, hint=hint))
        elif constant.name in texts:
            message, expected = f"{constant.name} holds texts", "a column of numbers, a rank or a parameter"
            hint = "the values of an axis or of documents are a list: leave out what you do not want"
            wrong.append(Diagnostic(place=constant.place, message=message, expected=expected, hint=hint))
    if wrong:
        raise SpecError(wrong)
