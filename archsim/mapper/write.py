"""Write: the mappings found for the groups of a cascade as one mapping file."""

from collections.abc import Mapping as Dict
from collections.abc import Sequence

from archsim.mapper.front import Found
from archsim.mapping import Mapping, read_mapping
from einsum_cascade.document import read

__all__ = ["as_mapping", "as_yaml"]


def as_yaml(found: Sequence[Found], name: str, cascade: str, design: str, source: str) -> str:
    """Return the text of a mapping file: fusion groups one after another, with the tile sizes that were found."""
    several = len(found) > 1
    parameters: dict[str, object] = {}
    lines = [f"mapping: {name}", f'description: "{cascade} on {design}, found by search"', f'source: "{source}"',
             f"cascade: {_text(cascade)}", f"design: {_text(design)}"]  # fmt: skip
    for k, group in enumerate(found, 1):
        own = {n: v for n, v in group.tiles.items() if n in group.space.problem.tiles}
        parameters |= own
        parameters |= {f"group{k}.{n}" if several else n: v for n, v in group.tiles.items() if n not in own}
    if parameters:
        lines.append(f"parameters: {_flow(parameters)}")
    lines.append("groups:")
    for k, group in enumerate(found, 1):
        lines += [f"  group{k}:", *(f"    {line}" for line in _group(group))]
    return "\n".join(lines) + "\n"


def as_mapping(text: str, file: str = "found.yaml") -> Mapping:
    """Return the mapping of a text."""
    return read_mapping(read(text, file)[0])


def _group(found: Found) -> list[str]:
    order = list(found.space.problem.einsums)
    einsums = sorted(found.einsums, key=order.index)
    binding: dict[str, list[str]] = {}
    for e in einsums:
        binding.setdefault(found.einsums[e].array, []).append(e)
    lines = [f"loops: {_flow(list(found.order.loops))}"]
    if found.order.parts:
        lines.append(f"partitioning: {_flow({v: list(p) for v, p in found.order.parts.items()})}")
    lines.append(f"binding: {_flow(binding)}")
    lines += ["space:", *(f"  {e}: {_flow(found.einsums[e].space)}" for e in einsums)]
    time = {e: list(found.einsums[e].time) for e in einsums if found.einsums[e].time}
    if time:
        lines += ["time:", *(f"  {e}: {_flow(v)}" for e, v in time.items())]
    keep: dict[str, dict[str, str]] = {}
    for t, choice in found.tensors.items():
        for memory, scope in choice.chain if not found.free[t] else ():
            keep.setdefault(memory, {})[t] = scope
    if keep:
        lines += ["keep:", *(f"  {m}: {_flow(k)}" for m, k in keep.items())]
    forward = _forward(found)
    if forward:
        lines.append(f"forward: {_flow(forward)}")
    alias = {
        y: t
        for y, t in found.space.places.items()
        if found.tensors[y].chain and found.tensors[y].chain == found.tensors[t].chain
        and not found.free[y] and not found.free[t]
    }  # fmt: skip
    if alias:
        lines.append(f"alias: {_flow(alias)}")
    return [*lines, f"schedule: {found.space.problem.rules.schedule}"]


def _forward(found: Found) -> dict[str, list[str]]:
    """Einsum -> what it takes from the array that makes it although a memory keeps it too."""
    result: dict[str, list[str]] = {}
    arrays = found.space.problem.design.arrays
    for (t, e), how in found.space.handed.items():
        lanes = float(arrays[found.einsums[e].array].lanes)
        if not found.free[t] and (how == "stream" or (how == "hold" and found.held[t] <= lanes)):
            result.setdefault(e, []).append(t)
    return result


def _flow(value: object) -> str:
    if isinstance(value, Dict):
        return "{" + ", ".join(f"{_text(str(k))}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(v) for v in value) + "]"
    return _text(value) if isinstance(value, str) else str(value)


def _text(value: str) -> str:
    """A text that YAML reads as one: quoted where it would be taken for something else."""
    plain = value.replace("_", "").replace(".", "").replace("-", "").isalnum() and value[0].isalpha()
    odd = value.lower() in ("y", "n", "yes", "no", "on", "off", "true", "false", "null")
    return value if plain and not odd else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
