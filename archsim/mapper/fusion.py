"""Fusion: which Einsums run together. The best way to part a cascade into groups, found without trying all of them.

Costs of groups add up, so a cascade is a shortest path through the sets of Einsums that are done. Every group has a
lower bound; only groups on a path that may still win are searched, and of those only mappings with which it may.
"""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archsim.mapper.front import ENDLESS, LATENCY, QUANTITIES, Found, Front, Goal, Tile
from archsim.mapper.label import Costs, Label, Members, added, keep, steps
from archsim.mapper.least import least_costs
from archsim.mapper.memo import Memo
from archsim.mapper.search import Coverage, Exhausted, search_group
from archsim.mapper.space import GroupSpace, Order, Problem, group_space, whole_space
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import cascade_tiles, tiles_of
from archsim.value import Array
from einsum_cascade.einsum import read_accesses
from einsum_cascade.plan import components

__all__ = ["Fusion", "Shared"]


@dataclass
class Shared:
    """What searches of one problem with different goals share: tables, the mappings found for each group, and what each
    group takes at least, shape (3, tile sizes)."""

    memo: Memo = field(default_factory=Memo)
    pool: dict[Members, list[Found]] = field(default_factory=dict)
    least: dict[tuple[Members, bool], Array] = field(default_factory=dict)


@dataclass
class Fusion:
    """The search over all ways to part the Einsums of a problem into groups.

    `goal` what is minimised, `limit` the words that the far memory may move, `tick` is called now and then; `best` the
    best mapping so far, one Found for each group in order: one that is known may be given.
    """

    problem: Problem
    goal: Goal
    coverage: Coverage
    limit: float = np.inf
    tick: Callable[[str], None] = lambda text: None
    shared: Shared = field(default_factory=Shared)
    best: tuple[Found, ...] = ()
    _fronts: dict[Members, Dict[Tile, list[Found]]] = field(default_factory=dict)
    _spaces: dict[Members, GroupSpace | None] = field(default_factory=dict)

    def run(self) -> tuple[Found, ...]:
        """Return the best mapping as one Found for each group, in order; nothing if none fits.

        Raises KeyboardInterrupt and Exhausted through; `best` then holds what was found.
        """
        try:
            self._whole_parts()
            if not self.best and self.goal is not LATENCY:  # the fastest mapping is found soon, and is one to beat
                first = Fusion(self.problem, LATENCY, self.coverage, self.limit, self.tick, self.shared)
                try:
                    first.run()
                finally:
                    self.best = first.best
            self._search()
        except (KeyboardInterrupt, Exhausted):
            self._rescue()
            raise
        return self.best

    def _search(self) -> None:
        while (path := self._open_path()) is not None:
            labels = list(steps(path))
            todo = [x.members for x in labels if x.found is None]
            if todo:  # first the one with the fewest loops to share: the others may need no search then
                self._solve(min(todo, key=lambda m: (len(space.shared) if (space := self.space(m)) else 0, len(m))))
            else:
                self.best = tuple(x.found for x in labels if x.found is not None)

    def _rescue(self) -> None:
        """After an interruption: the best mapping of what was found for the connected parts as one group each."""
        found: list[Found] = []
        for part in self._parts:
            some = self.shared.pool.get(self._named(part), [])
            found += [min(some, key=lambda f: self.goal.of_one(f.costs))] if some else []
        self._better(found)

    def _better(self, found: list[Found]) -> None:
        whole = {e for f in found for e in f.einsums} == set(self.problem.einsums)
        costs = np.sum([f.costs for f in found], axis=0) if whole else np.full(3, np.inf)
        if whole and costs[1] <= self.limit * (1 + 1e-12) and float(self.goal.value(costs)) < self.value:
            self.best = tuple(found)

    def bound(self) -> float:
        """Return what no mapping can be better than, by what is known."""
        return float(np.min(self.goal.value(self._after()[0])))

    @property
    def value(self) -> float:
        """What is minimised, of the best mapping so far."""
        return float(self.goal.value(np.sum([f.costs for f in self.best], axis=0))) if self.best else np.inf

    @cached_property
    def _kept(self) -> tuple[str, ...]:
        """The quantities of a group that cannot be exchanged for each other before the other groups are known."""
        kept = [*self.goal.of, *["words"] * bool(np.isfinite(self.limit))]
        return tuple(dict.fromkeys(kept)) if len(kept) > 1 else ()

    # --- Groups

    def _whole_parts(self) -> None:
        """Search all Einsums of each connected part as one group: usually good, so that most others need no search."""
        found: list[Found] = []
        for part in self._parts:
            members = self._named(part)
            allowed = self.problem.rules.groups is None or frozenset(members) in self.problem.rules.groups
            if not allowed or (space := self.space(members)) is None:
                continue
            seconds, words, joules = self._least(members).min(axis=1).tolist()
            least: dict[Tile, Costs] = {(): (seconds, words, joules)}
            front = self._searched(space, Front(self.goal, (np.inf, self.limit, np.inf), least=least))
            found += front.best.get((), [])
            if len(self._parts) == 1 or not self._kept:
                self._fronts[members] = {f.tile: [f] for f in front.best.get((), [])}
            if len(self.goal.of) == 1:
                known = [f.costs[QUANTITIES.index(self.goal.of[0])] for f in front.best.get((), [])]
                self._raise(members, np.array(known or [np.inf]))
        self._better(found)

    def _solve(self, members: Members) -> None:
        """Search a group, as far as it may be part of a mapping that is better than the best one."""
        space = self.space(members)
        if space is None:
            self._fronts[members] = {}
            return
        rest = self._rest(members)
        least = dict(zip(self._tiles, map(tuple, self._least(members).T.tolist()), strict=True))
        front = Front(self.goal, (np.inf, self.limit, np.inf), True, self._kept, rest, self.value, least=least)
        self._fronts[members] = self._searched(space, front).best
        if len(self.goal.of) == 1:  # what was left out is too much with the others
            q = QUANTITIES.index(self.goal.of[0])
            known = np.zeros(len(self._tiles))
            for k, tile in enumerate(self._tiles):
                if tile in rest:
                    some = [f.costs[q] for f in front.best.get(tile, [])]
                    known[k] = min([*some, np.inf if self._kept else self.value - rest[tile][q].min()])
            self._raise(members, known)

    def _raise(self, members: Members, known: Array) -> None:
        """What is known of the goal of a group is a bound for other goals, too."""
        least = self._least(members).copy()
        q = QUANTITIES.index(self.goal.of[0])
        least[q] = np.maximum(least[q], known)
        self.shared.least[members, "joules" in self.goal.of] = least

    def _searched(self, space: GroupSpace, front: Front) -> Front:
        text = ", ".join(space.members)
        self.tick(text)
        some = self.shared.pool.setdefault(space.members, [])
        for found in some:
            front.add(found)
        try:
            search_group(space, front, self.coverage, self.shared.memo, lambda: self.tick(text))
        finally:
            some += [f for found in front.best.values() for f in found if f not in some]
        return front

    def space(self, members: Members) -> GroupSpace | None:
        """Return the space of a group, None if its Einsums cannot share their loops."""
        if members not in self._spaces:
            self._spaces[members] = group_space(self.problem, members)
            self.coverage.groups += self._spaces[members] is not None
        return self._spaces[members]

    # --- Paths

    def _open_path(self) -> Label | None:
        """A way through the sets of Einsums that may lead to a better mapping than the best one: with the mappings of
        groups where they are known, else with bounds; None if there is none."""
        after = self._after()
        bound = self.goal.value(after[0])
        for k in np.argsort(bound, kind="stable").tolist():
            if not bound[k] < self.value * (1 - 1e-12):
                return None
            labels = self._labels(k, after)[self._full]
            if labels:
                return min(labels, key=lambda x: self.goal.of_one(x.costs))
        return None

    def _labels(self, k: int, after: Dict[int, Array]) -> dict[int, list[Label]]:
        """The ways to every set of Einsums with one combination of tile sizes that no other way beats."""
        tile, rows = self._tiles[k], [QUANTITIES.index(q) for q in self._kept or self.goal.of]
        result: dict[int, list[Label]] = {state: [] for state in self._groups}
        result[0] = [Label((0.0, 0.0, 0.0))]
        value = self.value * (1 - 1e-12)
        for state, groups in self._groups.items():
            for group, members in groups.items() if result[state] else ():
                known = self._fronts.get(members)
                some = [(f.costs, f) for f in known.get(tile, [])] if known is not None else None
                options = some if some is not None else [(tuple(self._least(members)[:, k].tolist()), None)]
                rest = after[state | group][:, k].tolist()
                for label in result[state]:
                    for costs, found in options:
                        total = added(label.costs, costs)
                        least = added(total, rest)
                        if self.goal.of_one(least) < value and least[1] <= self.limit * (1 + 1e-12):
                            keep(result[state | group], Label(total, label, members, found), rows)
        return result

    def _after(self) -> dict[int, Array]:
        """What is still to come at least after every set of Einsums, shape (3, tile sizes)."""
        after = {self._full: np.zeros((3, len(self._tiles)))}
        for state in reversed(self._groups):
            if state != self._full:
                after[state] = np.full((3, len(self._tiles)), np.inf)
                for group, members in self._groups[state].items():
                    after[state] = np.minimum(after[state], self._cost(members) + after[state | group])
        return after

    def _cost(self, members: Members) -> Array:
        """What a group takes at least, shape (3, tile sizes): exact where it was searched."""
        if members not in self._fronts:
            return self._least(members)
        known = [self._fronts[members].get(t, []) for t in self._tiles]
        return np.array([np.min([f.costs for f in some] or [ENDLESS], axis=0) for some in known]).T

    def _rest(self, members: Members) -> dict[Tile, Array]:
        """What the other groups of a mapping take at least, tile sizes -> alternatives, shape (3, k)."""
        after = self._after()
        own = self._least(members)
        rows = [QUANTITIES.index(q) for q in self._kept or self.goal.of]
        result: dict[Tile, Array] = {}
        for k, tile in enumerate(self._tiles):
            if not self.goal.value(after[0])[k] < self.value * (1 - 1e-12):
                continue
            labels = self._labels(k, after)
            some: list[Label] = []
            for state, groups in self._groups.items():
                for group in (g for g, m in groups.items() if m == members):
                    for label in labels[state]:
                        total = added(label.costs, after[state | group][:, k].tolist())
                        if self.goal.of_one(added(total, own[:, k].tolist())) < self.value * (1 - 1e-12):
                            keep(some, Label(total), rows)
            if some:
                result[tile] = np.array([x.costs for x in some]).T
        return result

    def _named(self, nodes: list[Members]) -> Members:
        """Einsums in the order of the cascade."""
        names = {e for n in nodes for e in n}
        return tuple(e for e in self.problem.einsums if e in names)

    # --- The graph

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        einsums = self.problem.einsums
        return {n: {a.tensor for a in read_accesses(s)} & einsums.keys() for n, s in einsums.items()}

    @cached_property
    def _parts(self) -> list[list[Members]]:
        """The connected parts of the cascade, each a list of what cannot be parted (recurrences), producers first."""
        names = list(self.problem.einsums)
        number = {n: k for k, n in enumerate(names)}
        strong = components([{number[m] for m in self._needs[n]} for n in names])
        nodes = [tuple(names[k] for k in some) for some in strong]
        ordered: list[Members] = []
        while len(ordered) < len(nodes):
            done = {e for n in ordered for e in n}
            ordered.append(next(n for n in nodes if n not in ordered
                                and all(self._needs[e] <= done | set(n) for e in n)))  # fmt: skip
        if self.problem.tiles:  # they must agree on the cascade's tile sizes
            return [ordered]
        parts: list[list[Members]] = []
        for node in ordered:
            touching = [p for p in parts if any(self._needs[e] & set(m) for e in node for m in p)]
            merged = [n for p in touching for n in p] + [node]
            parts = [p for p in parts if p not in touching] + [[n for n in ordered if n in merged]]
        return parts

    @cached_property
    def _full(self) -> int:
        return (1 << sum(len(part) for part in self._parts)) - 1

    @cached_property
    def _groups(self) -> dict[int, dict[int, Members]]:
        """State (set of nodes that are done, as bits) -> the connected groups that may run next; small states first.
        The connected parts of the cascade come one after another."""
        result: dict[int, dict[int, Members]] = {}
        done = 0
        for part in self._parts:
            shift, before = done.bit_length(), done
            for state, groups in sorted(self._groups_of(part).items(), key=lambda x: x[0].bit_count()):
                named = {g << shift: self._named([n for k, n in enumerate(part) if g >> k & 1]) for g in groups}
                result[before | state << shift] = result.get(before | state << shift, {}) | named
            done |= ((1 << len(part)) - 1) << shift
        return result

    def _groups_of(self, nodes: list[Members]) -> dict[int, list[int]]:
        """The same for one part."""
        needs = [
            sum(1 << j for j, m in enumerate(nodes) if j != k and any(self._needs[e] & set(m) for e in n))
            for k, n in enumerate(nodes)
        ]
        touch = [needs[k] | sum(1 << j for j, n in enumerate(needs) if n >> k & 1) for k in range(len(nodes))]
        given = self.problem.rules.groups
        result: dict[int, list[int]] = {}
        todo = [0]
        while todo:
            state = todo.pop()
            if state in result:
                continue
            found: set[int] = set()
            grow = [1 << k for k in range(len(nodes)) if not state >> k & 1 and not needs[k] & ~state]
            while grow:
                group = grow.pop()
                if group in found:
                    continue
                found.add(group)
                for k in range(len(nodes)):
                    ready = not (state | group) >> k & 1 and not needs[k] & ~(state | group)
                    if ready and touch[k]:
                        grow.append(group | 1 << k)
            connected = [g for g in found if self._connected(g, touch)]
            if given is not None:
                connected = [
                    g
                    for g in connected
                    if frozenset(self._named([n for k, n in enumerate(nodes) if g >> k & 1])) in given
                ]
            result[state] = connected
            todo += [state | g for g in connected]
        return result

    @staticmethod
    def _connected(group: int, touch: list[int]) -> bool:
        reach = group & -group
        while True:
            more = reach
            for k, near in enumerate(touch):
                if reach >> k & 1:
                    more |= near & group
            if more == reach:
                return reach == group
            reach = more

    # --- Bounds

    @cached_property
    def _whole(self) -> Tables:
        p = self.problem
        space = whole_space(p, tuple(p.einsums))
        return Tables(space, Order(p.batch, {}, ()), cascade_tiles(space), bare=True)

    @cached_property
    def _tiles(self) -> list[Tile]:
        return tiles_of(self._whole.space)

    def _least(self, members: Members) -> Array:
        """Lower bound of a group, shape (3, tile sizes): work of the arrays at full use, words that must come from and
        go to the far memory once, and those that arrays must read and write once."""
        exact = "joules" in self.goal.of  # only for energy it matters who may take what from an array
        known = self.shared.least.get((members, exact))
        if known is None:
            known = least_costs(self._whole, members, self.space(members) if exact else None)
            known = np.maximum(known, self.shared.least.get((members, False), 0.0))
            if exact and self.space(members) is None:
                known = np.full(known.shape, np.inf)
            self.shared.least[members, exact] = known
        return known
