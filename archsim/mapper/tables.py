"""Tables: what each choice for an Einsum and for a tensor adds to time, energy and occupancy, for all tile sizes.

Costs of the model add up over Einsums and tensors: cycles of an array, words of a memory, joules, bytes that are kept.
So the cost of a mapping is a sum of entries, one for each Einsum and each tensor, and the largest of the sums that are
times. The entries come from the loop nests of the model itself.
"""

from collections.abc import Iterator
from collections.abc import Mapping as Dict
from dataclasses import replace
from itertools import pairwise, permutations

import numpy as np

from archsim.binding import known_axes, loop_extents, settled
from archsim.checks import whole_tensors
from archsim.extents import Extents
from archsim.loopnest import LoopNest
from archsim.mapper.choices import EinsumChoice, Mask, TensorChoice
from archsim.mapper.space import GroupSpace, Order
from archsim.report import access_prices, operation_prices
from archsim.schedule import seconds_per_word
from archsim.value import Array, Value, larger
from einsum_cascade.einsum import Einsum
from einsum_cascade.errors import Diagnostic

__all__ = ["Tables"]

MOST = 4
"""Loops of an Einsum's own that are tried in every order; of more, each is tried innermost."""


class Tables:
    """The entries of one order of loops, for n points (tile sizes).

    `relaxed`: an Einsum has one choice on each array, no worse than any in any sum; `bare`: it has none.
    """

    def __init__(
        self, space: GroupSpace, order: Order, points: Dict[str, Array], bare: bool = False, relaxed: bool = False
    ) -> None:
        p = space.problem
        self.space, self.order, self.points = space, order, points
        self.number = len(next(iter(points.values())))
        self.names = settled(p.cascade, p.workload, space.seed, p.design, {n: v for n, v in points.items() if n})
        wrong: list[Diagnostic] = []
        parts = {v: parts for v, parts in order.parts.items() if v in space.layout.used}
        layout = replace(space.layout, parts=parts, batch=p.batch)
        self.extents = loop_extents(layout, p.cascade, self.names, known_axes(space.structure, self.names), wrong)
        assert not wrong, wrong
        self.word_bytes = p.workload.word_bits / 8
        self.prices = access_prices(p.design, self.word_bytes)
        self.far, *_ = p.design.memories
        self.seconds = {m: seconds_per_word(s, self.word_bytes, p.design.clock) for m, s in p.design.memories.items()}
        self.touches = {
            t: [(space.layout.placed[k].einsum.name, a) for k, a in found] for t, found in space.layout.touches.items()
        }
        self.statements = {x.einsum.name: x.einsum for x in space.layout.placed}
        self._plain: dict[str, LoopNest] = {}
        self._held: dict[str, Array] = {}
        self._kept_fully: dict[tuple[str, tuple[tuple[str, str], ...]], TensorChoice] = {}
        if bare:
            return
        if relaxed:
            self.einsums = {e: list(self._relaxed(self.statements[e])) for e in space.members}
        else:
            self.einsums = {
                e: self._pruned_einsum(list(self._einsum_choices(self.statements[e]))) for e in space.members
            }
        self.tensors = {t: list(self._tensor_choices(t)) for t in self.touches}

    def full(self, value: Value) -> Array:
        """Return a value at every point."""
        return np.broadcast_to(np.asarray(value, dtype=float), self.number)

    def shared(self, einsum: str) -> tuple[str, ...]:
        """Return the shared loops of an Einsum."""
        own = self.variables(einsum)
        base = self.extents.base
        return tuple(v for v in self.order.loops if v in self.space.problem.batch or base(v) in own)

    def nest(self, einsum: str) -> LoopNest:
        """Return the nest of an Einsum as far as its shared loops go, where ways between memories are counted."""
        if einsum not in self._plain:
            shared = self.shared(einsum)
            self._plain[einsum] = LoopNest(
                (*shared, *self._inner(einsum)), len(shared), {}, self.space.problem.batch, self.extents
            )
        return self._plain[einsum]

    def _inner(self, einsum: str) -> tuple[str, ...]:
        own = self.variables(einsum)
        shared = set(self.shared(einsum))
        return tuple(x for v in own for x in self.extents.parts.get(v, (v,)) if x not in shared)

    def held(self, tensor: str) -> Array:
        """Return the words of a tensor that are there at once inside all shared loops."""
        if tensor not in self._held:
            nest, target = self.nest(tensor), self.statements[tensor].target
            self._held[tensor] = self.full(nest.tile(target, nest.loops[nest.shared - 1] if nest.shared else ""))
        return self._held[tensor]

    def kept(self, tensor: str, choice: TensorChoice) -> TensorChoice:
        """Return what a choice costs where the tensor is not handed from array to array."""
        key = (tensor, choice.chain)
        if key not in self._kept_fully:
            self._kept_fully[key] = self._kept_choice(tensor, choice.chain, np.zeros(self.number, bool))
        return self._kept_fully[key]

    def overwrites(self, where: Dict[str, TensorChoice], tensor: str) -> bool:
        """Whether a tensor takes the place of the one that it is made from: both are kept alike."""
        other = self.space.places.get(tensor)
        return other is not None and bool(where[tensor].chain) and where[other].chain == where[tensor].chain

    # --- Einsums

    def _einsum_choices(self, s: Einsum) -> Iterator[EinsumChoice]:
        p, inner = self.space.problem, self._inner(s.name)
        shared = self.shared(s.name)
        for array, (cycles, actions) in p.arrays[s.name].items():
            spec = p.design.arrays[array]
            prices = [x for a, n in actions.items() for x in (self.operation(array, a, n),)]
            for space in self._spread(s.name, array, inner):
                extents: Extents = self.extents.folded(space, spec.shape)
                left = [v for v in inner if v not in space.values()]
                for time in _own_orders(left):
                    nest = LoopNest((*shared, *time), len(shared), space, p.batch, extents)
                    own = self.variables(s.name)
                    joules = nest.points(own) * sum(prices)
                    choice = EinsumChoice(
                        s.name,
                        array,
                        space,
                        time,
                        nest,
                        self.full(nest.steps() * cycles / spec.efficiency),
                        self.full(joules),
                    )
                    self._words(s, choice)
                    yield choice

    def _relaxed(self, s: Einsum) -> Iterator[EinsumChoice]:
        """For each array a choice that is as good as all of them: the fewest cycles, and every word that the shared
        loops need anew is moved once."""
        p, nest, inner = self.space.problem, self.nest(s.name), self._inner(s.name)
        given = self.shared(s.name)
        points = nest.points(self.variables(s.name))
        # A ragged tile is counted as if it were full where nothing moves inside of it: of the turns that touch a word
        # no larger part can be absent than of all points.
        present = points / np.prod([self.full(self.extents.extent(v)) for v in nest.loops], axis=0)
        for array, (cycles, actions) in p.arrays[s.name].items():
            spec = p.design.arrays[array]
            steps = [
                LoopNest((*given, *(v for v in inner if v not in space.values())), len(given), space, p.batch,
                         self.extents.folded(space, spec.shape)).steps()
                for space in self._spread(s.name, array, inner)
            ]  # fmt: skip
            joules = points * sum(self.operation(array, a, n) for a, n in actions.items())
            least = np.min([self.full(x) for x in steps], axis=0)
            choice = EinsumChoice(s.name, array, {}, (), nest, least * cycles / spec.efficiency, self.full(joules))
            self._words(s, choice, given, np.minimum(present, 1.0))
            yield choice

    @property
    def ways(self) -> float:
        """The number of choices for all Einsums together, before those are dropped that others beat."""
        result = 1.0
        for e in self.space.members:
            inner = self._inner(e)
            result *= sum(
                len(list(_own_orders([v for v in inner if v not in space.values()])))
                for array in self.space.problem.arrays[e] for space in self._spread(e, array, inner)
            )  # fmt: skip
        return result

    def variables(self, einsum: str) -> tuple[str, ...]:
        """Return the variables of an Einsum."""
        return next(p.variables for p in self.space.layout.placed if p.einsum.name == einsum)

    def operation(self, array: str, action: str, times: int) -> Value:
        """Return the joules of an action, some times."""
        total: Value = 0
        for joules in operation_prices(self.space.problem.design, array, action).values():
            total = total + joules * times
        return total

    def _spread(self, einsum: str, array: str, inner: tuple[str, ...]) -> Iterator[dict[str, str]]:
        """What may be spread over the dimensions of an array: every dimension is used while there is a loop left."""
        rules = self.space.problem.rules.space
        allowed = rules.get(einsum, rules.get(array, {}))
        dimensions = tuple(self.space.problem.design.arrays[array].shape)
        base = self.extents.base
        used = min(len(dimensions), len(inner))
        found = False
        for some in permutations((*inner, *[""] * (len(dimensions) - used)), len(dimensions)):
            space = {d: v for d, v in zip(dimensions, some, strict=True) if v}
            if len(space) == used and all(d not in allowed or base(v) in allowed[d] for d, v in space.items()):
                found = True
                yield space
        if not found and allowed:
            first: dict[str, str] = {}
            for d in dimensions:
                loop = next((v for v in inner if base(v) in allowed.get(d, (base(v),)) and v not in first.values()), "")
                first |= {d: loop} if loop else {}
            yield first

    def _words(self, s: Einsum, choice: EinsumChoice, loops: tuple[str, ...] | None = None,
               present: Value = 1.0) -> None:  # fmt: skip
        """Count the words that arrays read and write: all, or at least those that some loops need anew."""
        for tensor, touches in self.touches.items():
            for einsum, access in touches:
                if einsum != s.name:
                    continue
                words = choice.nest.fetched(access, loops) * present
                if access is s.target:
                    choice.writes[tensor] = self.full(words)
                    words = larger(words - choice.nest.words(access), 0)
                choice.reads[tensor] = choice.reads.get(tensor, 0) + self.full(words)

    def _pruned_einsum(self, found: list[EinsumChoice]) -> list[EinsumChoice]:
        """Drop the choices that another one on the same array beats in cycles and in every word, at all points."""
        kept: list[EinsumChoice] = []
        if not self.space.problem.prune:
            return found
        rows = [np.array([c.cycles, c.joules, *c.reads.values(), *c.writes.values()]) for c in found]
        for k, c in enumerate(found):
            beaten = False
            for j, other in enumerate(found):
                if other.array == c.array and j != k and np.all(rows[j] <= rows[k]):
                    beaten = j < k or bool(np.any(rows[j] < rows[k]))
                    if beaten:
                        break
            if not beaten:
                kept.append(c)
        return kept

    # --- Tensors

    def scopes(self, tensor: str) -> list[str]:
        """Return the shared loops inside which a tile of a tensor may live, outermost first."""
        space, batch = self.space, self.space.problem.batch
        loops = [v for v in self.order.loops if all(v in self.shared(e) for e, _ in self.touches[tensor])]
        if tensor in space.made and any(e != tensor for e, _ in self.touches[tensor]):
            good = []
            touched = {v for e, _ in self.touches[tensor] for v in self.shared(e)}
            for v in self.order.loops:
                if v in touched and v not in batch and self.extents.base(v) not in space.aligned[tensor]:
                    break
                good.append(v)
            loops = [v for v in loops if v in good]
        return loops

    def _tensor_choices(self, tensor: str) -> Iterator[TensorChoice]:
        p, space = self.space.problem, self.space
        made, leaf = tensor in space.made, tensor in space.layout.leaves
        readers = [e for e, a in self.touches[tensor] if e != tensor]
        handed = [space.handed[tensor, e] for e in dict.fromkeys(readers)] if made else []
        through = np.zeros(self.number, bool)  # handed on everywhere, so that no memory needs it
        always = through  # whatever arrays run its readers
        if made and not leaf and handed and all(handed) and not space.layout.state[tensor] and self._may_pass(tensor):
            hold = [e for e, how in zip(dict.fromkeys(readers), handed, strict=True) if how == "hold"]
            lanes = [[float(p.design.arrays[c.array].lanes) for c in self.einsums[e]] for e in hold]
            through = np.asarray(self.held(tensor) <= min((max(some) for some in lanes), default=np.inf))
            always = np.asarray(self.held(tensor) <= min((min(some) for some in lanes), default=np.inf))
        if np.all(always) and p.rules.may_keep(tensor, (), p.near):
            yield TensorChoice(tensor, (), "", through, {}, np.zeros(self.number), {})
            return
        if not p.rules.may_keep(tensor, (), p.near):
            through = np.zeros(self.number, bool)
        kept = [c for c in self._kept(tensor) if p.rules.may_keep(tensor, tuple(m for m, _ in c), p.near)]
        costs = [self._kept_choice(tensor, chain, through) for chain in kept]
        yield from self._pruned_tensor(costs)
        direct = not made or (leaf and (not readers or self._innermost(tensor)))
        if direct and p.rules.may_keep(tensor, (), p.near):
            yield TensorChoice(tensor, (), self.far, np.zeros(self.number, bool), {}, np.zeros(self.number), {})
        elif not costs and np.any(through):
            never = np.where(through, 0.0, np.inf)
            yield TensorChoice(tensor, (), "", through, {}, never, {})

    def _may_pass(self, tensor: str) -> bool:
        whole, passes = whole_tensors(self.space.problem.cascade)
        return passes < 2 or tensor not in whole

    def _innermost(self, tensor: str) -> bool:
        scopes = self.scopes(tensor)
        touched = [v for v in self.order.loops if any(v in self.shared(e) for e, _ in self.touches[tensor])]
        return not touched or (bool(scopes) and scopes[-1] == touched[-1])

    def _kept(self, tensor: str) -> Iterator[tuple[tuple[str, str], ...]]:
        """Chains of (memory, scope): scopes of nearer memories lie further inside."""
        scopes, near = self.scopes(tensor), self.space.problem.near

        def extended(chain: tuple[tuple[str, str], ...], at: int, first: int) -> Iterator[tuple[tuple[str, str], ...]]:
            for k in range(first, len(near)):
                for s in range(at, len(scopes)):
                    longer = (*chain, (near[k], scopes[s]))
                    yield longer
                    yield from extended(longer, s, k + 1)

        return extended((), 0, 0)

    def _kept_choice(self, tensor: str, chain: tuple[tuple[str, str], ...], through: Mask) -> TensorChoice:
        """Count what `actions` counts for a tensor on its way through memories."""
        space = self.space
        made, leaf = tensor in space.made, tensor in space.layout.leaves
        path = [self.far] * (not made or leaf) + [m for m, _ in chain]
        scope = dict(chain)
        joules: Value = 0
        words: dict[str, Value] = {}
        for parent, child in pairwise(path):
            moves: list[tuple[str, str, Value]] = []
            if not made:
                fills, _ = self._through(tensor, scope[child], reads=True)
                moves += [(parent, "read", fills), (child, "fill", fills)]
            else:
                drains, once = self._through(tensor, scope[child], reads=False)
                moves += [(parent, "write", drains), (child, "drain", drains)]
                moves += [(parent, "read", drains - once), (child, "fill", drains - once)]
            for memory, action, moved in moves:
                joules = joules + moved * self.prices.get((memory, action), 0)
                words[memory] = words.get(memory, 0) + moved
        taken = {m: self.full(self._tile(tensor, s) * self.word_bytes) for m, s in chain}
        return TensorChoice(
            tensor, chain, chain[-1][0], through, {m: np.where(through, 0, b) for m, b in taken.items()},
            np.where(through, 0, self.full(joules)), {m: np.where(through, 0, self.full(w)) for m, w in words.items()},
        )  # fmt: skip

    def _through(self, tensor: str, scope: str, reads: bool) -> tuple[Value, Value]:
        fetched: Value = 0
        once: Value = 0
        for einsum, access in self.touches[tensor]:
            target = access is self.statements[einsum].target
            nest = self.nest(einsum)
            if target != reads and scope in nest.loops:
                fetched = larger(fetched, nest.fetched(access, nest.upto(scope)))
                once = larger(once, nest.words(access))
                if not reads:
                    break
        return fetched, once

    def _tile(self, tensor: str, scope: str) -> Value:
        result: Value = 0
        for einsum, access in self.touches[tensor]:
            nest = self.nest(einsum)
            if scope in nest.loops:
                result = larger(result, nest.tile(access, scope, self.space.layout.state.get(tensor, ())))
        return result

    def _pruned_tensor(self, found: list[TensorChoice]) -> Iterator[TensorChoice]:
        """Drop the choices that another one with the same nearest memory beats in all sums, at all points."""
        if not self.space.problem.prune:
            yield from found
            return
        full = [self.kept(c.tensor, c) for c in found]  # not as little as where it is handed on
        rows = [
            np.array([c.joules, *(c.bytes.get(m, np.zeros(self.number)) for m in self.seconds),
                      *(c.words.get(m, np.zeros(self.number)) for m, s in self.seconds.items() if s is not None)])
            for c in full
        ]  # fmt: skip
        for k, c in enumerate(found):
            beaten = any(
                other.near == c.near and j != k and np.all(rows[j] <= rows[k]) and (j < k or np.any(rows[j] < rows[k]))
                for j, other in enumerate(found)
            )
            if not beaten:
                yield c


def _own_orders(loops: list[str]) -> Iterator[tuple[str, ...]]:
    if len(loops) <= MOST:
        yield from permutations(loops)
    else:
        for k in range(len(loops)):
            yield (*loops[:k], *loops[k + 1 :], loops[k])
