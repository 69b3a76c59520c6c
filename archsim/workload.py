"""Workload: the sizes of one attention layer; knows nothing of hardware or cascades."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from archsim.value import Value
from einsum_cascade.document import Document
from einsum_cascade.errors import Diagnostic, SpecError
from einsum_cascade.forms import FORBID, Integer, Real, Text, read_form

__all__ = ["Workload", "read_workload"]


@dataclass(frozen=True, kw_only=True)
class WorkloadForm:
    """The form of a workload file."""

    __pydantic_config__ = FORBID
    workload: Text
    description: Text = ""
    source: Text
    batch: Integer = 1
    heads: Integer
    kv_heads: Integer | None = None
    head_dim: Integer
    value_dim: Integer | None = None
    model_dim: Integer | None = None
    ffn_dim: Integer | None = None
    sequence_length: Integer = 1024
    query_length: Integer | None = None
    word_bits: Real = 16
    bits: dict[Text, Real] = field(default_factory=dict)
    ranks: dict[Text, Integer] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Sizes of one attention layer. Any number may be an array of shape (n,): one evaluation for n workloads.

    `ranks` maps further rank names of a cascade (L, X, ...) to sizes; `word_bits` is the width of a stored value,
    `bits` that of single tensors.
    """

    name: str
    source: str = ""
    batch: Value = 1
    heads: Value = 1
    kv_heads: Value | None = None
    head_dim: Value = 64
    value_dim: Value | None = None
    model_dim: Value | None = None
    ffn_dim: Value | None = None
    sequence_length: Value = 1024
    query_length: Value | None = None
    word_bits: Value = 16
    bits: Mapping[str, Value] = field(default_factory=dict)
    ranks: Mapping[str, Value] = field(default_factory=dict)

    def sizes(self) -> dict[str, Value]:
        """Return the size of every rank that the workload knows, by the names that cascades use.

        B batch, H heads, HK key-value heads, R heads a key-value head, E and F head and value size, D and G model
        size, S feed-forward size, M keys, P queries, T tokens, N rows of a linear layer (batch times tokens), A all
        heads side by side.

        >>> Workload(name="w", heads=12, sequence_length=4096).sizes()["P"]
        4096
        """
        queries = self.sequence_length if self.query_length is None else self.query_length
        shared = self.heads if self.kv_heads is None else self.kv_heads
        value = self.head_dim if self.value_dim is None else self.value_dim
        model = self.heads * self.head_dim if self.model_dim is None else self.model_dim
        hidden = 4 * model if self.ffn_dim is None else self.ffn_dim
        return {
            "B": self.batch, "H": self.heads, "HK": shared, "R": self.heads // shared, "E": self.head_dim, "F": value,
            "D": model, "G": model, "S": hidden, "M": self.sequence_length, "P": queries, "T": self.sequence_length,
            "N": self.batch * queries, "A": self.heads * self.head_dim, **self.ranks,
        }  # fmt: skip


def read_workload(document: Document) -> Workload:
    """Return the workload of a YAML document.

    Raises SpecError with every mistake of the document.

    >>> from einsum_cascade.document import read
    >>> read_workload(read("workload: w\\nsource: assumed\\nheads: 12\\nhead_dim: 64", "w.yaml")[0]).heads
    12
    """
    form = read_form(document, WorkloadForm)
    wrong = []
    for f in fields(form):
        value = getattr(form, f.name)
        if isinstance(value, int | float) and value <= 0:
            place = document.place(f.name)
            wrong.append(Diagnostic(place=place, message=f"{f.name} is {value}", expected="a positive number"))
    if form.kv_heads and form.heads % form.kv_heads:
        message = f"{form.kv_heads} key-value heads do not divide {form.heads} heads"
        expected = "a divisor of the number of heads"
        wrong.append(Diagnostic(place=document.place("kv_heads"), message=message, expected=expected))
    for name, bits in form.bits.items():
        if bits <= 0:
            place = document.place("bits", name)
            wrong.append(Diagnostic(place=place, message=f"{name} has {bits} bits", expected="a positive number"))
    if wrong:
        raise SpecError(wrong)
    given = {f.name: getattr(form, f.name) for f in fields(form) if f.name not in ("workload", "description")}
    return Workload(name=form.workload, **given)
