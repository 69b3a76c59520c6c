"""Suite: benchmarks by name, each a pruning schedule of a model on a task; one YAML file a suite."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import cast

import numpy as np

from archsim.mapping import Mapping as How
from archsim.prune.pruning import POINTS, Pruning, pruning
from archsim.prune.schedule import read_schedule
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.document import Document, Plain, find_one
from einsum_cascade.errors import Diagnostic, SpecError, did_you_mean
from einsum_cascade.forms import FORBID, Integer, Text, read_form

__all__ = ["ASPECTS", "Benchmark", "Suite", "applied", "benchmarks", "find_benchmark", "joined", "names", "only"]

ASPECTS = ("tokens", "heads", "values", "widths", "low_bits")
"""What a pruning changes, and what `only` may keep of it."""


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A benchmark in a suite file: `changes` of its family's schedule, and how it is called in figures.

    `tokens` of the input; where text is generated, `steps` more come one by one, each a query to all before and itself.
    """

    __pydantic_config__ = FORBID
    family: Text
    tokens: Integer
    steps: Integer = 0
    label: Text = ""
    source: Text = ""
    changes: dict[Text, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The form of a suite file: `families` name -> what schedules of that family have in common."""

    __pydantic_config__ = FORBID
    suite: Text
    source: Text
    description: Text = ""
    families: dict[Text, dict[Text, object]]
    benchmarks: dict[Text, Benchmark]


def names() -> dict[str, Path]:
    """Return the suites that come with archsim, with their files.

    >>> "spatten" in names()
    True
    """
    return {f.stem: f for f in sorted((Path(__file__).parent / "suites").glob("*.yaml"))}


def benchmarks(name: str | Path) -> dict[str, tuple[Benchmark, Pruning]]:
    """Return the benchmarks of the suite of this name, or in this file, and what each keeps, layer by layer.

    Raises SpecError: nothing of that name, or every mistake of the file.

    >>> len(benchmarks("spatten"))
    30
    """
    document = find_one("suite", name, names(), "a file is given by its path")
    suite = read_form(document, Suite)
    wrong: list[Diagnostic] = []
    result = {}
    for key, benchmark in suite.benchmarks.items():
        try:
            result[key] = (benchmark, _read(document, suite, key, benchmark))
        except SpecError as error:
            wrong += error.diagnostics
    if wrong:
        raise SpecError(wrong)
    return result


def find_benchmark(text: str) -> Pruning:
    """Return what the benchmark `SUITE#BENCHMARK` keeps.

    Raises SpecError: no such suite or benchmark, or every mistake of the file.

    >>> float(find_benchmark("spatten#bert-base-cola").dense_heads[0])
    12.0
    """
    suite, _, name = text.partition("#")
    found = benchmarks(suite)
    if name not in found:
        document = find_one("suite", suite, names(), "a file is given by its path")
        hint = did_you_mean(name, found) or "known: " + ", ".join(found)
        raise SpecError([Diagnostic(place=document.place("benchmarks"), message=f"no benchmark {name}", hint=hint)])
    return found[name][1]


def _read(document: Document, suite: Suite, name: str, benchmark: Benchmark) -> Pruning:
    if benchmark.family not in suite.families:
        place = document.place("benchmarks", name, "family")
        hint = did_you_mean(benchmark.family, suite.families)
        raise SpecError([Diagnostic(place=place, message=f"no family {benchmark.family}", hint=hint)])
    data: dict[str, object] = {
        "schedule": name, "source": benchmark.source or suite.source, "tokens": benchmark.tokens,
        **suite.families[benchmark.family], **benchmark.changes,
    }  # fmt: skip
    place = document.place("benchmarks", name)
    own = replace(document, data=cast("Plain", data), places=dict.fromkeys(document.places, place) | {(): place})
    if not benchmark.steps:
        return read_schedule(own)
    lengths = range(benchmark.tokens + 1, benchmark.tokens + benchmark.steps + 1)
    return _iterations([read_schedule(own, tokens) for tokens in lengths])


def joined(parts: Sequence[Pruning]) -> Pruning:
    """Return the points of several prunings one after another."""
    fields = {n: np.concatenate([getattr(p, n) for p in parts]) for n in POINTS}
    return pruning(parts[0].name, parts[0].source, **fields)


def _iterations(parts: Sequence[Pruning]) -> Pruning:
    """Put the points of consecutive iterations side by side."""
    iteration = np.concatenate([np.full(len(p), i, dtype=float) for i, p in enumerate(parts)])
    return replace(joined(parts), iteration=iteration)


def only(kept: Pruning, aspects: Sequence[str]) -> Pruning:
    """Return a pruning of which only some `ASPECTS` are left; without any of them it is dense, in its own widths.

    >>> found = only(find_benchmark("spatten#gpt2-small-ptb"), ["tokens"])
    >>> bool((found.keys < found.tokens).any()), bool((found.values < found.keys).any())
    (True, False)
    """
    tokens = kept.keys if "tokens" in aspects else kept.tokens
    share = kept.values / np.maximum(kept.keys, 1)
    shared = kept.shared > 0
    return replace(
        kept, keys=tokens, values=np.maximum(1, np.floor(tokens * share + 1e-9)) if "values" in aspects else tokens,
        heads=kept.heads if "heads" in aspects else kept.dense_heads,
        queries=kept.queries if "tokens" in aspects or not shared.any() else kept.dense_queries,
        refetched=kept.refetched if "low_bits" in aspects else np.zeros(len(kept)),
        candidates=kept.candidates if "values" in aspects else np.ones(len(kept)),
    )  # fmt: skip


def applied(
    kept: Pruning, base: Workload, how: How, bits: Mapping[str, Value] | None = None
) -> tuple[Workload, dict[str, Value]]:
    """Return the workload of all points of a pruning, one sequence, and the parameters of a mapping that it decides.

    What the pruning leaves dense is left to the mapping. `bits` replaces the widths of the pruning (empty: all words as
    wide as those of `base`).
    """
    widths = kept.bits() if bits is None else bits
    workload = replace(kept.workload(base), batch=1, bits={**base.bits, **widths})
    dense = only(kept, ()).sizes()
    differ: dict[str, Value] = {n: v for n, v in kept.sizes().items() if n in how.parameters and np.any(v != dense[n])}
    return workload, differ
