"""Fusion: which Einsums run together. The best way to part a cascade into groups, found without trying all of them.

Costs of groups add up, so a cascade is a shortest path through the sets of Einsums that are done. Every group has a
lower bound; only groups on a path that may still win are searched.
"""

from collections.abc import Callable
from collections.abc import Mapping as Dict
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from archsim.mapper.exact import assignment_bound
from archsim.mapper.memo import Memo
from archsim.mapper.search import Coverage, Found, Front, Goal, search_group
from archsim.mapper.space import GroupSpace, Order, Problem, group_space, whole_space
from archsim.mapper.tables import Tables
from archsim.mapper.tiles import cascade_tiles
from archsim.value import Array
from einsum_cascade.einsum import read_accesses
from einsum_cascade.plan import components

__all__ = ["Fusion"]

Members = tuple[str, ...]
Tile = tuple[int, ...]


@dataclass
class Fusion:
    """The search over all ways to part the Einsums of a problem into groups.

    `goal` what is minimised, `limit` the words that the far memory may move, `tick` is called now and then.
    `memo` and `pool` may be those of a search with another goal: tables, and the mappings that it found for each group.
    """

    problem: Problem
    goal: Goal
    coverage: Coverage
    limit: float = np.inf
    tick: Callable[[str], None] = lambda text: None
    memo: Memo = field(default_factory=Memo)
    pool: dict[Members, list[Found]] = field(default_factory=dict)
    best: tuple[Found, ...] = ()
    _fronts: dict[tuple[Members, bool], Dict[Tile, Found]] = field(default_factory=dict)
    _spaces: dict[Members, GroupSpace | None] = field(default_factory=dict)
    _bounds: dict[Members, tuple[Array, Array]] = field(default_factory=dict)

    def run(self) -> tuple[Found, ...]:
        """Return the best mapping as one Found for each group, in order; nothing if none fits.

        Raises KeyboardInterrupt through; `best` then holds what was found.
        """
        parts = self._independent()
        chosen: list[Found] = []
        for part in parts:
            found = self._part(part, [*chosen])
            if not found:
                return ()
            chosen += found
            self.best = tuple(chosen) if len(chosen) and part is parts[-1] else ()
        return tuple(chosen)

    # --- One connected part of the cascade

    def _part(self, nodes: list[Members], before: list[Found]) -> list[Found]:
        """Search the ways to part connected Einsums; `nodes` are Einsums that cannot be parted, in order."""
        best: list[Found] = []
        value = np.inf
        groups = self._groups(nodes)
        members = self._named(nodes, (1 << len(nodes)) - 1)
        if (1 << len(nodes)) - 1 in {m for some in groups.values() for m in some}:
            found = self._solved(members, keyed=False).get(())  # usually good, so that most others need no search
            if found is not None:
                best, value = [found], self._value([found])
                self.best = (*before, *best)
        tiles = sorted(self._tiles, key=lambda t: self._path(nodes, groups, t, {})[0])
        for tile in tiles:
            while True:
                cost, path = self._path(nodes, groups, tile, self._known(tile))
                if not cost < value * (1 - 1e-12):
                    break
                todo = [m for m in path if (m, True) not in self._fronts]
                if not todo:
                    best = [self._fronts[m, True][tile] for m in path]
                    value = self._value(best)
                    self.best = (*before, *best)
                    break
                for m in todo:
                    if tile not in self._solved(m, keyed=True):
                        break
        return best

    def _value(self, found: list[Found]) -> float:
        sums = [np.asarray(sum(v)) for v in zip(*((f.seconds, f.traffic, f.joules) for f in found), strict=True)]
        return float(self.goal.value(*sums))

    def _known(self, tile: Tile) -> dict[Members, float]:
        """The exact cost of the groups that were searched, infinite for those that cannot be; of a group that was
        searched for its best tile sizes only, a lower bound."""
        some = {m: f.get(tile if keyed else ()) for (m, keyed), f in self._fronts.items()}
        return {m: np.inf if f is None else self._value([f]) for m, f in some.items()}

    def _solved(self, members: Members, keyed: bool) -> Dict[Tile, Found]:
        key = (members, keyed)
        if key not in self._fronts:
            space = self.space(members)
            front = Front(self.goal, self.limit, keyed)
            if space is not None:
                self.tick(", ".join(members))
                some = self.pool.setdefault(members, [])
                for found in some:
                    front.add(found)
                search_group(space, front, self.coverage, self.memo, lambda: self.tick(", ".join(members)))
                some += [f for f in front.best.values() if f not in some]
            self._fronts[key] = front.best
        return self._fronts[key]

    def space(self, members: Members) -> GroupSpace | None:
        """Return the space of a group, None if its Einsums cannot share their loops or the rules part them."""
        if members not in self._spaces:
            given = self.problem.rules.groups
            allowed = given is None or frozenset(members) in given
            self._spaces[members] = group_space(self.problem, members) if allowed else None
            self.coverage.groups += self._spaces[members] is not None
        return self._spaces[members]

    def _path(self, nodes: list[Members], groups: Dict[int, list[int]], tile: Tile,
              known: Dict[Members, float]) -> tuple[float, list[Members]]:  # fmt: skip
        """The cheapest way through the sets of nodes that are done: by exact costs where known, else by bounds."""
        full = (1 << len(nodes)) - 1
        cost: dict[int, tuple[float, int, int]] = {0: (0.0, 0, 0)}
        at = self._tiles.index(tile)
        for state in sorted(groups, key=lambda s: s.bit_count()):
            if state not in cost:
                continue
            for group in groups[state]:
                members = self._named(nodes, group)
                more = known.get(members)
                if more is None:
                    more = float(self._bound(members)[at])
                total = cost[state][0] + more
                if total < cost.get(state | group, (np.inf, 0, 0))[0]:
                    cost[state | group] = (total, state, group)
        if full not in cost:
            return np.inf, []
        path: list[Members] = []
        state = full
        while state:
            _, state, group = cost[state]
            path.append(self._named(nodes, group))
        return cost[full][0], path[::-1]

    def _named(self, nodes: list[Members], group: int) -> Members:
        names = {e for k, n in enumerate(nodes) if group >> k & 1 for e in n}
        return tuple(e for e in self.problem.einsums if e in names)

    # --- The graph

    @cached_property
    def _needs(self) -> dict[str, set[str]]:
        einsums = self.problem.einsums
        return {n: {a.tensor for a in read_accesses(s)} & einsums.keys() for n, s in einsums.items()}

    def _independent(self) -> list[list[Members]]:
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

    def _groups(self, nodes: list[Members]) -> dict[int, list[int]]:
        """State (set of nodes that are done, as bits) -> the connected groups that may run next."""
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
                connected = [g for g in connected if frozenset(self._named(nodes, g)) in given]
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
        p, points = self.problem, self._whole.points
        columns = [points[t].astype(int).tolist() for t in p.tiles]
        return list(zip(*columns, strict=True)) if columns else [()]

    def _bound(self, members: Members) -> Array:
        """Lower bound of a group at each of the cascade's tile sizes: work of the arrays at full use, and words that
        must come from and go to the far memory once."""
        if members not in self._bounds:
            p, t = self.problem, self._whole
            seconds, joules = self._work(members)
            words = np.zeros(t.number)
            for tensor, touches in t.touches.items():
                inside = [(e, a) for e, a in touches if e in members]
                outside = tensor in p.cascade.outputs or any(e not in members and e != tensor for e, _ in touches)
                if not inside or (tensor in members and not outside):
                    continue
                made = tensor in members
                once = np.max(
                    [t.full(t.nest(e).words(a)) for e, a in inside if not made or a is t.statements[e].target], axis=0
                )
                words = words + once
                joules = joules + once * t.prices.get((t.far, "write" if made else "read"), 0)
            second = t.seconds[t.far]
            if second is not None:
                seconds = np.maximum(seconds, words * second)
            self._bounds[members] = self.goal.value(seconds, words, joules), words
        return self._bounds[members][0]

    def _work(self, members: Members) -> tuple[Array, Array]:
        p, t = self.problem, self._whole
        least: dict[str, dict[str, Array]] = {}
        joules = np.zeros(t.number)
        for e in members:
            points = t.full(t.nest(e).points(t.variables(e)))
            table = p.arrays[e]
            least[e] = {a: points * c / float(np.asarray(p.design.arrays[a].lanes)) for a, (c, _) in table.items()}
            joules = joules + points * min(
                sum(float(np.asarray(t.operation(a, x, k))) for x, k in actions.items())
                for a, (_, actions) in table.items()
            )
        arrays = [] if p.rules.schedule == "sequential" else list(p.design.arrays)
        return t.full(assignment_bound(least, arrays) / float(np.asarray(p.design.clock))), joules
