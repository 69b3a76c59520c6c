"""Best: the best mapping of a cascade on a design, with what was looked at to find it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from archsim.design import Design
from archsim.mapper.front import EDP, ENERGY, LATENCY, TRAFFIC, Found, Front, Goal
from archsim.mapper.fusion import Fusion, Shared
from archsim.mapper.memo import Memo
from archsim.mapper.rules import FREE, Rules
from archsim.mapper.search import Coverage, Exhausted, search_group
from archsim.mapper.space import Problem, problem
from archsim.mapper.write import as_mapping, as_yaml
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade

__all__ = ["OBJECTIVES", "Best", "best_mapping"]

OBJECTIVES = {"latency": LATENCY, "energy": ENERGY, "edp": EDP}
SECOND = {LATENCY: Goal(("words",), ("joules",)), ENERGY: Goal(("seconds",), ("words",))}
"""What decides between mappings that are as good."""

POINTS = 10_000_000
"""Tile sizes that a search looks at: half a minute."""

SLACK = 0.001
TRIES = 128
"""Of so many mappings of a group that are as good as the best one, the best by the second objective is taken."""


@dataclass
class Best:
    """The best mapping: its `text` as a file and its report by the model; None where nothing fits.

    `coverage` what was looked at; `complete` whether nothing was left out, so that the mapping is optimal for the space
    (False after an interruption); `bound` is then what no mapping can be better than; `traffic_bytes` the limit of far
    traffic that it had to keep; `least_bytes` where it cannot be kept the least far traffic of any mapping (infinite if
    none fits).
    """

    objective: str
    coverage: Coverage = field(default_factory=Coverage)
    found: tuple[Found, ...] = ()
    text: str = ""
    mapping: Mapping | None = None
    report: Report | None = None
    complete: bool = False
    bound: float = 0.0
    traffic_bytes: float = float("inf")
    least_bytes: float = float("inf")

    @property
    def value(self) -> float:
        """Seconds, joules or their product; infinite where nothing fits."""
        costs = np.sum([f.costs for f in self.found], axis=0) if self.found else np.full(3, np.inf)
        return float(OBJECTIVES[self.objective].value(costs))


def best_mapping(
    cascade: Cascade,
    workload: Workload,
    design: Design,
    objective: str = "latency",
    rules: Rules = FREE,
    effort: int = 1,
    traffic_bytes: float = float("inf"),
    slack: float = SLACK,
    tick: Callable[[str, Coverage], None] = lambda text, coverage: None,
    names: tuple[str, str] = ("", ""),
    points: float = POINTS,
) -> Best:
    """Return the best mapping of a cascade on a design by latency, energy or their product.

    Parameters
    ----------
    effort : 1 and more; a larger one tries more tile sizes and orders besides all those of a smaller one.
    traffic_bytes : at most so many bytes may move in and out of the far memory.
    slack : latencies within this part of the least one count as equal, then less far traffic and less energy decide; so
        do energies, then latency and traffic decide.
    tick : called now and then with what is searched, and what was looked at so far.
    names : of cascade and design in the file, if they are not their own (a path, say).
    points : so many tile sizes are looked at, in all orders of loops together; then the search ends.

    An interruption (KeyboardInterrupt), or the end of `points`, ends the search with the best mapping so far. Raises
    SpecError: an Einsum that no array can run.

    Examples
    --------
    >>> from archsim.library import load
    >>> product = load(Cascade, "transformer_linear")
    >>> found = best_mapping(product, load(Workload, "bert"), load(Design, "fusemax"))
    >>> round(found.report.utilization["array_2d"], 3), found.complete
    (1.0, True)
    """
    space = problem(cascade, workload, design, rules, effort)
    result = Best(objective, Coverage(most=points), traffic_bytes=traffic_bytes)
    shared = Shared()
    word = float(np.asarray(workload.word_bits)) / 8
    limit = traffic_bytes / word

    def run(goal: Goal) -> None:
        fusion = Fusion(space, goal, result.coverage, limit, lambda text: tick(text, result.coverage), shared)
        try:
            fusion.run()
        finally:
            result.found = fusion.best

    goal = OBJECTIVES[objective]
    try:
        run(goal)
        if goal in SECOND:
            result.found = _polished(result.found, goal, slack, limit, result.coverage, shared.memo)
        if not result.found and np.isfinite(limit):  # which limit would do
            least = Fusion(space, TRAFFIC, Coverage(most=points), shared=Shared(memo=shared.memo)).run()
            result.least_bytes = sum(f.traffic for f in least) * word if least else float("inf")
        result.complete = True
    except (KeyboardInterrupt, Exhausted):
        result.bound = Fusion(space, goal, Coverage(), limit, shared=shared).bound()
    if result.found:
        _written(result, space, names)
    return result


def _polished(
    found: tuple[Found, ...], goal: Goal, slack: float, limit: float, coverage: Coverage, memo: Memo
) -> tuple[Found, ...]:
    """Replace the mapping of each group by the best one by the second objective among those that are as good."""
    result = []
    for f in found:
        p = f.space.problem
        tiles = {t: (f.tiles[t],) for t in p.tiles} if len(found) > 1 else {}
        space = replace(f.space, problem=replace(p, rules=replace(p.rules, tiles={**p.rules.tiles, **tiles})))
        room = limit - sum(g.traffic for g in found if g is not f)
        slowest, costliest = (f.seconds * (1 + slack), np.inf) if goal is LATENCY else (np.inf, f.joules * (1 + slack))
        front = Front(SECOND[goal], (slowest, room, costliest), tries=TRIES)
        front.best[()] = [f]
        search_group(space, front, coverage, memo)
        result += front.best[()]
    return tuple(result)


def _written(result: Best, space: Problem, names: tuple[str, str]) -> None:
    cascade, design = names[0] or space.cascade.name, names[1] or space.design.name
    source = f"found by search, objective {result.objective}, workload {space.workload.name}"
    result.text = as_yaml(result.found, "found", cascade, design, source)
    result.mapping = as_mapping(result.text)
    report = evaluate(space.cascade, space.workload, result.mapping, space.design)
    result.report = replace(report)
