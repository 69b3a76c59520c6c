"""Checks: does a group name only what there is, and does it keep what the passes of its cascade need?"""

from collections import Counter

from archsim.design import Design
from archsim.layout import Fail, GroupPlan
from einsum_cascade.cascade import Cascade
from einsum_cascade.einsum import reduced_variables
from einsum_cascade.errors import SpecError, did_you_mean

__all__ = ["check_names", "check_passes", "check_running", "whole_tensors"]


def check_names(layout: GroupPlan, design: Design, fail: Fail) -> None:
    """Fail at names that a group gives to what it does not have."""
    group = layout.group
    loops = {v for p in layout.placed for v in p.loops}
    memories = [*design.memories, *design.arrays]
    for memory, kept in group.keep.items():
        if memory not in memories:
            hint = did_you_mean(memory, memories)
            fail(f"{design.name} has no memory {memory}", hint, ("keep", f"{memory}#key"))
        for tensor, scope in kept.items():
            if tensor not in layout.touches:
                hint = did_you_mean(tensor, layout.touches)
                fail(f"no Einsum of the group touches {tensor}", hint, ("keep", memory, f"{tensor}#key"))
            elif scope not in loops:
                fail(f"there is no loop {scope}", did_you_mean(scope, loops), ("keep", memory, tensor))
    for key, tensors in (("resident", group.resident), ("demand", group.demand)):
        for tensor in tensors:
            if tensor not in layout.touches:
                hint = did_you_mean(tensor, layout.touches)
                fail(f"no Einsum of the group touches {tensor}", hint, (key,))
    for tensor in group.whole:
        if tensor not in layout.touches:
            hint = did_you_mean(tensor, layout.touches)
            fail(f"no Einsum of the group touches {tensor}", hint, ("whole", f"{tensor}#key"))
    members = {p.name for p in layout.placed}
    for key, table in (("time", group.time), ("forward", group.forward), ("bypass", group.bypass),
                       ("density", group.density)):  # fmt: skip
        for name in table:
            if name not in members:
                fail(f"{name} is not an Einsum of the group", did_you_mean(name, members), (key, f"{name}#key"))
    if group.skip and group.skip not in members:
        fail(f"{group.skip} is not an Einsum of the group", did_you_mean(group.skip, members), ("skip",))
    for name in group.space:
        if name not in members and name not in group.binding:
            hint = did_you_mean(name, {*members, *group.binding}) or "`binding` has the arrays and Einsums of the group"
            fail(f"{name} is no array or Einsum of the group", hint, ("space", f"{name}#key"))
    for number, step in enumerate(group.steps):
        for array, track in {**dict.fromkeys(step.stalls, ()), **step.tracks}.items():
            if array not in design.arrays:
                hint = did_you_mean(array, design.arrays)
                fail(f"{design.name} has no array {array}", hint, ("schedule", "phases", number, f"{array}#key"))
            for name in sorted(set(track) & members - set(group.binding.get(array, track))):
                hint = "a track names Einsums that are bound to its array"
                fail(f"the Einsum {name} does not run on {array}", hint, ("schedule", "phases", number, array))
    scheduled = Counter(e for step in group.steps for track in step.tracks.values() for e in track)
    for name in sorted(scheduled.keys() - members):
        fail(f"{name} is not an Einsum of the group", did_you_mean(name, members), ("schedule",))
    for name in sorted(members if group.steps else ()):
        if scheduled[name] != 1:
            often = f"in {scheduled[name]} phases" if scheduled[name] else "in no phase"
            fail(f"the Einsum {name} is {often}", "every Einsum runs in one of the phases", ("schedule",))


def check_passes(layout: GroupPlan, cascade: Cascade, design: Design, fail: Fail) -> None:
    """Fail at a tensor that a further pass reads again, if a group that makes it neither keeps it whole nor writes
    it out.

    FuseMax (MICRO'24) section III: between two passes over a fiber the whole fiber is live.
    """
    live, count = whole_tensors(cascade)
    if count < 2:
        return
    keep = layout.group.keep
    for tensor in live:
        writer = next((p for p in layout.placed if p.einsum.name == tensor), None)
        readers = [p for p in layout.placed if any(a.tensor == tensor for a in p.reads)]
        far, *near = design.memories
        if writer is None or not readers or tensor in layout.leaves or tensor in keep.get(far, {}):
            continue
        waits = _waits(layout, tensor) & set(cascade.sequence)
        parts = {p for v in waits for p in layout.parts.get(v, (v,))}
        scope = next((keep[m][tensor] for m in near if tensor in keep.get(m, {})), None)
        hint = f"keep it in a memory outside of the loops over {', '.join(cascade.sequence)}, or in {far}"
        if scope is None and tensor not in layout.group.alias and waits:
            fail(
                f"{cascade.name} makes {count} passes, so {tensor} must stay whole; it is kept nowhere", hint, ("keep",)
            )
        elif scope is not None and scope in writer.loops and parts & set(writer.loops[: writer.loops.index(scope) + 1]):
            fail(f"{cascade.name} makes {count} passes, so {tensor} must stay whole; inside the loop {scope} "
                 "only a tile of it is kept", hint, ("keep",))  # fmt: skip


def check_running(layout: GroupPlan, fail: Fail) -> None:
    """Fail at a running value that a group keeps nowhere: the next iteration reads what this one writes."""
    group = layout.group
    elsewhere = {*group.alias, *group.resident, *layout.leaves, *(t for kept in group.keep.values() for t in kept)}
    for tensor, variables in layout.state.items():
        if variables and tensor not in elsewhere:
            array = next(p.array for p in layout.placed if p.einsum.name == tensor)
            hint = f"keep it in a memory, or in the registers of the array: keep: {{{array}: {{{tensor}: LOOP}}}}"
            message = f"{tensor} is a running value along {', '.join(variables)}, and it is kept nowhere"
            fail(message, hint, ("keep",))


def _waits(layout: GroupPlan, tensor: str) -> set[str]:
    """The variables over which another Einsum of the group sums up before all readers of a tensor can start."""
    reads = {p.einsum.name: {a.tensor for a in p.reads} for p in layout.placed}
    needs: set[str] = set()
    todo = [r for name, read in reads.items() if tensor in read and name != tensor for r in read]
    while todo:
        name = todo.pop()
        if name in reads and name not in needs and name != tensor:
            needs.add(name)
            todo += reads[name]
    return {v for p in layout.placed if p.einsum.name in needs for v in reduced_variables(p.einsum)}


_LIVE: dict[int, tuple[Cascade, tuple[str, ...], int]] = {}


def whole_tensors(cascade: Cascade) -> tuple[tuple[str, ...], int]:
    """Return the tensors that must stay whole between passes over the sequence, and how many passes there are."""
    if id(cascade) not in _LIVE:
        try:
            from einsum_cascade.passes import passes

            found = passes(cascade)
            live, count = tuple(t for t, extent in found.live.items() if extent != "1"), found.passes
        except SpecError:  # no pass rule for this cascade: nothing to hold the mapping against
            live, count = (), 1
        _LIVE[id(cascade)] = (cascade, live, count)
    return _LIVE[id(cascade)][1:]
