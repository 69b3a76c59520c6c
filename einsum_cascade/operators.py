"""The operators of the language: how many arguments, which cost class, and which operands must be present.

Presence rules (`merge`) follow EDGE's defaults: "intersection": all operands; "union": any operand, an absent one is
the identity; "left": the left operand. The operation histogram counts by name; `cost` groups names into the classes
to which a design gives cycles and energy.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Operator:
    """`arity` arguments (the most; `at_least` the fewest), `cost` class, presence `merge` rule."""

    arity: int
    cost: str
    merge: str = "intersection"
    at_least: int = 0


OPERATORS: dict[str, Operator] = {
    "add": Operator(2, "add", "union"),
    "sub": Operator(2, "add", "left"),
    "neg": Operator(1, "add"),
    "mul": Operator(2, "mul"),
    "div": Operator(2, "div"),
    "floordiv": Operator(2, "address"),
    "mod": Operator(2, "address"),
    "pow": Operator(2, "pow"),
    "max": Operator(8, "cmp", "union", 2),
    "min": Operator(8, "cmp", "union", 2),
    "le": Operator(2, "cmp"),
    "lt": Operator(2, "cmp"),
    "ge": Operator(2, "cmp"),
    "gt": Operator(2, "cmp"),
    "eq": Operator(2, "cmp"),
    "ne": Operator(2, "cmp"),
    "and": Operator(2, "cmp"),
    "where": Operator(3, "select"),
    "abs": Operator(1, "cmp"),
    "sign": Operator(1, "cmp"),
    "relu": Operator(1, "cmp"),
    "sqrt": Operator(1, "sqrt"),
    "rsqrt": Operator(1, "sqrt"),
    "log": Operator(1, "log"),
    "log2": Operator(1, "log"),
    "exp": Operator(1, "exp"),
    "exp2": Operator(1, "exp"),
    "sigmoid": Operator(1, "exp"),
    "silu": Operator(1, "exp"),
    "gelu": Operator(1, "exp"),
    "dgelu": Operator(1, "exp"),
    "tanh": Operator(1, "exp"),
    "softplus": Operator(1, "exp"),
    "elu1": Operator(1, "exp"),
    "erf": Operator(1, "exp"),
    "sin": Operator(1, "exp"),
    "cos": Operator(1, "exp"),
    "floor": Operator(1, "cmp"),
    "present": Operator(1, "none"),
}

SIGNED = {
    "present",
    "add",
    "sub",
    "neg",
    "mul",
    "div",
    "floordiv",
    "mod",
    "pow",
    "le",
    "lt",
    "ge",
    "gt",
    "eq",
    "ne",
    "and",
}
FUNCTIONS = tuple(n for n in OPERATORS if n not in SIGNED)
REDUCTIONS = ("sum", "max", "min", "prod", "argmax", "argtopk", "argsort")
REDUCTION_OPERATION = {"sum": "add", "max": "max", "min": "min", "prod": "mul",
                       "argmax": "argmax", "argtopk": "topk", "argsort": "sort"}  # fmt: skip
COST_CLASS = {n: o.cost for n, o in OPERATORS.items()} | {
    "cmp": "cmp", "argmax": "cmp", "topk": "engine", "sort": "engine",
    "gather": "address", "scatter": "address"}  # fmt: skip
