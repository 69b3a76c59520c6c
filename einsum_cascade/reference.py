"""`check`: a cascade on random inputs against the dense reference that its file names (`expect: {reference: ...}`)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from einsum_cascade.cascade import Cascade, shape
from einsum_cascade.constants import evaluate
from einsum_cascade.dense import REFERENCES, Array, Mask, Reference, Sizes, Tensors
from einsum_cascade.einsum import Access, Apply, Attend, Expression, Number
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.interpret import run
from einsum_cascade.parse import parse_conditions

TOLERANCE = 1e-12  # float64 against float64 (measured: at most 2e-15)
GATES = ("G", "GK", "GV", "BT", "AL", "TH", "ETA", "DT")  # inputs of these names lie in (0, 1)


def reference(name: str, cascade: Cascade | None = None) -> Reference:
    """Return the reference of this name; `cascade` is the one that asks for it, for the place of an error.

    Raises SpecError at an unknown name.

    >>> reference("gqa").__doc__
    'Grouped queries: Q (HK, R, E, P), K (HK, E, M), V (HK, F, M) -> AV (HK, R, F, P).'
    """
    if name not in REFERENCES:
        message = f"no reference named {name}" if name else "no reference to compare with"
        hint = (did_you_mean(name, REFERENCES) if name else "") or "state it as expect: {reference: ...}"
        raise _error(message, "one of " + ", ".join(REFERENCES), hint, cascade)
    return REFERENCES[name]


def _error(message: str, expected: str = "", hint: str = "", cascade: Cascade | None = None) -> SpecError:
    place = (cascade or Cascade(name="")).place
    return SpecError([Diagnostic(place=place, message=message, expected=expected, hint=hint)])


ELEMENTWISE: dict[str, Callable[..., Array]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "floordiv": np.floor_divide, "mod": np.mod,
    "neg": np.negative, "abs": np.abs, "max": np.maximum, "min": np.minimum, "div": np.divide,
    "le": np.less_equal, "lt": np.less, "ge": np.greater_equal, "gt": np.greater, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip


def mask_array(text: str, sizes: Sizes) -> Mask:
    """Return the condition `text` on the key m and the query p as an array of shape (M, P).

    Raises SpecError at a name without a value, and at a condition that reads a tensor.

    >>> mask_array("m <= p + OFF", {"M": 3, "P": 2, "OFF": 1}).astype(int)
    array([[1, 1],
           [1, 1],
           [0, 1]])
    """
    m, p = np.indices((int(sizes["M"]), int(sizes["P"])))
    names = {**{n: np.asarray(v) for n, v in sizes.items()}, "m": m, "p": p}

    def value(node: Expression) -> Array:
        if isinstance(node, Number):
            return np.asarray(node.value)
        if isinstance(node, Apply) and node.operator in ELEMENTWISE:
            return ELEMENTWISE[node.operator](*map(value, node.arguments))
        if isinstance(node, Access | Attend | Apply) or node.name not in names:
            message = f"the mask {text} holds more than comparisons of m, p and known constants"
            raise SpecError([Diagnostic(place=node.place, message=message)])
        return names[node.name]

    result = np.ones(m.shape, dtype=bool)
    for condition in parse_conditions(text):
        result &= ELEMENTWISE[condition.operator](value(condition.left), value(condition.right)).astype(bool)
    return result


def make_inputs(cascade: Cascade, sizes: Sizes | None = None, seed: int = 0, scale: float = 1.0) -> dict[str, Array]:
    """Return random float64 inputs for `cascade`, each of its declared shape.

    Normal with deviation sqrt(scale), so that products of two inputs (scores) grow by `scale`; weights (names that
    start with W) are divided by the root of their last dimension and not scaled; `GATES` are uniform in (0, 1).

    >>> from einsum_cascade import load
    >>> {n: x.shape for n, x in make_inputs(load(Cascade, "gqa"), {"M": 5, "P": 3, "E": 2}).items()}
    {'Q': (2, 6, 2, 3), 'K': (2, 2, 5), 'V': (2, 128, 5)}
    """
    names, random = shape(cascade, sizes), np.random.default_rng(seed)
    result = {}
    for name, dimensions in cascade.inputs.items():
        size = tuple(int(evaluate(d, names)) for d in dimensions)
        if name in GATES:
            result[name] = random.uniform(size=size)
        elif name.startswith("W") and size:
            result[name] = random.normal(size=size) / np.sqrt(size[-1])
        else:
            result[name] = random.normal(size=size) * np.sqrt(scale)
    return result


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """A cascade against its reference: `error` is max|x - ref| / max|ref| of the worst output.

    `largest_exp_argument` is the largest argument of exp at a present point, None where the cascade takes no exp.
    """

    error: float
    worst_output: str
    tolerance: float
    largest_exp_argument: float | None

    @property
    def equal(self) -> bool:
        """Whether the error is within the tolerance; NaN is not."""
        return self.error <= self.tolerance


def expected(cascade: Cascade, tensors: Tensors, sizes: Sizes) -> dict[str, Array]:
    """Return the outputs of `cascade` by its reference; `sizes` is the whole of `shape(cascade, ...)`.

    Raises SpecError: the file names no known reference, or one that does not fit its inputs or outputs.

    >>> from einsum_cascade import load
    >>> cascade = load(Cascade, "attention_decode")
    >>> names = shape(cascade, {"M": 9, "E": 2, "F": 3})
    >>> expected(cascade, make_inputs(cascade, names), names)["AV"].shape
    (3, 1)
    """
    name = cascade.expect.reference
    try:
        function = reference(name, cascade)
        mask = mask_array(cascade.expect.mask, sizes) if cascade.expect.mask else None
        found = function(tensors, sizes, mask)
    except KeyError as error:
        raise _error(f"the reference {name} needs {error.args[0]}", cascade=cascade) from None
    except ValueError as error:
        raise _error(f"the reference {name} does not fit {cascade.name}: {error}", cascade=cascade) from None
    missing = [o for o in cascade.outputs if o not in found]
    if missing:
        message = f"the reference {name} gives {', '.join(found)}, not the output {', '.join(missing)}"
        raise _error(message, cascade=cascade)
    return {o: found[o] for o in cascade.outputs}


def check(
    cascade: Cascade, sizes: Sizes | None = None, seed: int = 0, xp: str = "numpy", scale: float = 1.0
) -> Comparison:
    """Run `cascade` on random inputs and compare its outputs with its reference.

    Parameters
    ----------
    sizes : ranks and parameters that differ from the file's defaults.
    seed, scale : of the inputs, see `make_inputs`; a scale of 12 makes large scores.
    xp : the array library that runs the cascade, "numpy" or "torch"; the reference is always NumPy.

    Raises
    ------
    SpecError : the file names no known reference, or one that does not fit it; a size is missing or wrong.

    Examples
    --------
    >>> from einsum_cascade import load
    >>> result = check(load(Cascade, "attention_1pass"), {"M": 20, "P": 3, "E": 4, "F": 5, "M0": 8})
    >>> result.worst_output, result.equal, result.largest_exp_argument
    ('AV', True, 0.0)
    """
    names = shape(cascade, sizes)
    tensors = make_inputs(cascade, sizes, seed, scale)
    wanted = expected(cascade, tensors, names)
    arguments: list[float] = []

    def observe(einsum: str, function: str, argument: object, mask: object) -> None:
        if function == "exp":
            values = np.asarray(argument)
            present = values if mask is None else np.where(np.asarray(mask), values, -np.inf)
            arguments.append(float(present.max(initial=-np.inf)))

    found = run(cascade, tensors, sizes=sizes, xp=xp, observe=observe)
    errors = {o: _error_of(np.asarray(found[o]), wanted[o], o, cascade) for o in cascade.outputs}
    worst = max(errors, key=lambda o: np.inf if np.isnan(errors[o]) else errors[o])
    return Comparison(error=errors[worst], worst_output=worst, tolerance=TOLERANCE,
                      largest_exp_argument=max(arguments, default=None))  # fmt: skip


def _error_of(found: Array, wanted: Array, output: str, cascade: Cascade) -> float:
    """max|x - ref| / max|ref|, the difference itself where the reference is 0 everywhere."""
    if found.shape != wanted.shape:
        message = f"{output} has shape {found.shape}, the reference {cascade.expect.reference} gives {wanted.shape}"
        raise _error(message, cascade=cascade)
    largest = float(np.abs(wanted).max(initial=0))
    return float(np.abs(found - wanted).max(initial=0)) / (largest or 1)
