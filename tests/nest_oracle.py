"""A brute-force walk of a loop nest, written without the model: every iteration, every word, one by one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

Point = tuple[int, ...]
Word = tuple[int, ...]


@dataclass(frozen=True)
class Walk:
    """A nest: `axes` name -> (points, parts coarse to fine, extents of all parts but the first), `loops` in time.

    `space` loop -> lanes: a part whose indices stand side by side; what is longer runs in folds right after the first
    `shared` loops. `halves` axis -> (coarse variable, fine variable): indices of one axis by two names.
    """

    axes: Mapping[str, tuple[int, tuple[str, ...], tuple[int, ...]]]
    loops: tuple[str, ...]
    shared: int
    space: Mapping[str, int] = field(default_factory=dict)

    def indices(self, axis: str, point: int) -> dict[str, int]:
        """The index of every part at a point, those of folds included."""
        _, parts, extents = self.axes[axis]
        result: dict[str, int] = {}
        rest = point
        for name, extent in zip(reversed(parts[1:]), reversed(extents), strict=True):
            result[name] = rest % extent
            rest //= extent
        result[parts[0]] = rest
        for name in parts:
            if name in self.space:
                result[f"{name} fold"] = result[name] // self.space[name]
        return result

    def time(self) -> tuple[str, ...]:
        folds = tuple(f"{v} fold" for v in self.space)
        return (*self.loops[: self.shared], *folds, *self.loops[self.shared :])

    def iterations(self, loops: Sequence[str]) -> Iterator[dict[str, list[int]]]:
        """For every iteration of `loops` that has points, in order: axis -> its points."""
        by_axis: dict[str, list[tuple[dict[str, int], int]]] = {
            a: [(self.indices(a, p), p) for p in range(size)] for a, (size, _, _) in self.axes.items()
        }
        ranges = []
        for loop in loops:
            owner = next(a for a in self.axes if loop in by_axis[a][0][0])
            ranges.append(range(1 + max(index[loop] for index, _ in by_axis[owner])))
        for at in product(*ranges):
            now = dict(zip(loops, at, strict=True))
            points = {
                a: [p for index, p in rows if all(index[loop] == now[loop] for loop in now if loop in index)]
                for a, rows in by_axis.items()
            }
            if all(points.values()):
                yield points

    def tiles(self, tensor: Sequence[str], loops: Sequence[str]) -> Iterator[frozenset[Word]]:
        """The tile of a tensor at each iteration; `tensor` lists its axes, or axis/n for the coarse index of width
        n."""
        for points in self.iterations(loops):
            columns = []
            for axis in tensor:
                name, _, width = axis.partition("/")
                columns.append(sorted({p // int(width or 1) for p in points[name]}))
            yield frozenset(product(*columns))

    def fetched(self, tensor: Sequence[str], loops: Sequence[str]) -> int:
        """Words fetched: a whole tile whenever it differs from the one before."""
        total, held = 0, frozenset[Word]()
        for tile in self.tiles(tensor, loops):
            total += len(tile) if tile != held else 0
            held = tile
        return total

    def accumulated(self, tensor: Sequence[str], loops: Sequence[str]) -> tuple[int, int]:
        """Words written out of a tile when it goes, and partial sums read back when it comes again."""
        written = again = 0
        held, seen = frozenset[Word](), set[Word]()
        for tile in self.tiles(tensor, loops):
            if tile != held:
                written += len(held)
                again += len(tile & seen)
                seen |= tile
            held = tile
        return written + len(held), again

    def largest(self, tensor: Sequence[str], loops: Sequence[str]) -> int:
        return max(len(tile) for tile in self.tiles(tensor, loops))

    def steps(self) -> int:
        return sum(1 for _ in self.iterations(self.time()))
