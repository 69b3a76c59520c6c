"""The report of a sweep: one HTML page that needs no network, of a size that does not grow with the sweep."""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from archsim.explore.breakdown import Breakdown, breakdowns, space_of
from archsim.explore.fronts import plain_rows, spread
from archsim.explore.results import Results
from archsim.explore.sample import axis_of, sample
from archsim.show import counted, number, si
from archsim.sweeps.database import quoted
from einsum_cascade.errors import Diagnostic, Place, SpecError

__all__ = ["DETAILS", "POINTS", "page"]

POINTS = 20_000
"""Points of the sample of a page, and at most as many of the front."""
DETAILS = 60
"""Points of the front that are evaluated again for roofline and breakdowns."""
GROUPS = 60
"""Groups for which the best points are listed."""
REASONS = 50

FILES = Path(__file__).parent / "pages"


def page(results: Results, folder: Path, points: int = POINTS, details: int = DETAILS) -> str:
    """Return the page of a sweep's results.

    Parameters
    ----------
    folder : where documents stand that the study names by a path: they are needed to evaluate points again.
    points : how many points the sample holds; the front is added to it (at most as many again).
    details : how many points of the front are evaluated again.

    Raises
    ------
    SpecError : plotly is not installed (extra `report`).
    """
    text = {name: (FILES / f"report.{name}").read_text(encoding="utf-8") for name in ("html", "css", "js")}
    data = json.dumps(_data(results, folder, points, details), ensure_ascii=False, allow_nan=False)
    title = f"{results.study.get('name')}: archsim report".replace("&", "&amp;").replace("<", "&lt;")
    # `</script>` inside of a script would end it; in JSON and JavaScript strings `<\/` is the same text.
    parts = {"title": title, "style": text["css"], "plotly": _plotly(), "script": text["js"]}
    parts["data"] = data.replace("</", "<\\/").replace("<!--", "<\\u0021--")
    # Cut first and filled afterwards, since what is filled in may hold any text.
    cut = re.split(r"@(title|style|plotly|data|script)@", text["html"])
    return "".join(parts[piece] if i % 2 else piece for i, piece in enumerate(cut))


def _plotly() -> str:
    try:
        from plotly.offline import get_plotlyjs
    except ImportError:
        hint = "python -m pip install 'archsim[report]'"
        place = Place(file="archsim report")
        raise SpecError([Diagnostic(place=place, message="this needs plotly", hint=hint)]) from None
    return str(get_plotlyjs())


def _data(results: Results, folder: Path, most: int, details: int) -> dict[str, object]:
    total, feasible = results.select("SELECT count(*), count(*) FILTER (feasible) FROM points")[0]
    front = np.array([p for (p,) in results.select("SELECT point FROM front ORDER BY point")], dtype=np.int64)
    shown = _shown(results, front, most)
    rows = results.rows(shown)
    rows["front"] = np.isin(shown, front)
    found, note = _details(results, folder, front, details)
    candidates = int(str(results.study.get("total") or total))
    left_out = candidates - total
    scope = f"The sweep has {counted(candidates, 'point')}" + (
        f", of which {number(left_out)} are left out (by its conditions, or since it keeps fronts only) or not done yet"
        if left_out
        else ""
    )
    if len(shown) < total:
        kept = "all" if len(front) <= most else f"{number(most)} of the {number(len(front))} points"
        scope += f". This page holds {number(len(shown))} of them: {kept} of the Pareto front, and a sample"
        scope += " that covers the space of the objectives evenly, not as densely as the points lie"
    return {
        "name": str(results.study.get("name") or ""),
        "description": str(results.study.get("description") or ""),
        "scope": scope + ".",
        "cards": _cards(results, total, feasible, len(front)),
        "columns": [
            {"name": c.name, "role": c.role, "unit": c.unit, "label": c.label or c.name, "numeric": c.numeric}
            for c in results.columns.values()
        ],
        "objectives": [n for n in results.objectives if n in results.columns],
        "per": results.per,
        "points": {name: _encoded(values) for name, values in rows.items()},
        "counts": {"front": len(front)},
        "best": _best(results),
        "reasons": _counts(results, "reason", "NOT feasible"),
        "limits": _counts(results, "bottleneck", "feasible") if "bottleneck" in results.columns else [],
        "details": [_detail(d) for d in found],
        "details_note": note,
        **_origin(results),
    }


def _shown(results: Results, front: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return the points of the page: the front, a sample of the feasible ones and a smaller one of the others."""
    condition = results.condition(finite=[n for n in results.objectives if n in results.columns])
    axes = [axis_of(results, results.columns[n], condition) for n in results.objectives if n in results.columns]
    parts = [front[spread(len(front), most)] if len(front) else front]
    parts.append(sample(results, [a for a in axes if a is not None], condition, most))
    parts.append(sample(results, [], "NOT feasible", max(1, most // 5)))
    return np.unique(np.concatenate(parts))


def _encoded(values: NDArray[Any]) -> object:
    """Return a column as plain data: numbers with six digits, texts as numbers of a list of them."""
    if values.dtype == object:
        known = {v: i for i, v in enumerate(dict.fromkeys(values.tolist()))}
        return {"codes": [known[v] for v in values.tolist()], "values": list(known)}
    if values.dtype.kind == "f":
        return [_short(v) for v in values.tolist()]
    return values.tolist()


def _short(value: float) -> int | float | None:
    if not np.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else float(f"{value:.6g}")


def _cards(results: Results, total: int, feasible: int, front: int) -> list[tuple[str, str]]:
    cards = [("points", number(total)), ("feasible", number(feasible)), ("on the Pareto front", number(front))]
    for name in results.objectives[:4]:
        if name in results.columns:
            column = results.columns[name]
            least = results.select(f"SELECT min({quoted(name)}) FROM points WHERE feasible")[0][0]
            if least is not None:
                text = si(least, column.unit) if column.unit in ("s", "J") else f"{least:.5g} {column.unit}".strip()
                cards.append((f"least {column.label or name}", text))
    return cards


def _best(results: Results) -> dict[str, object]:
    """Return the feasible point with the least of each objective, in each group of points that compete."""
    groups = results.per
    keys = ", ".join(map(quoted, groups))
    found: list[tuple[str, int]] = []
    for name in (n for n in results.objectives if n in results.columns):
        least = f"SELECT arg_min(point, ({quoted(name)}, point)) FROM points WHERE feasible"
        tail = f" GROUP BY {keys} ORDER BY {keys} LIMIT {GROUPS}" if groups else ""
        found += [(name, p) for (p,) in results.select(least + tail) if p is not None]
    rows = plain_rows(results.rows([p for _, p in found])) if found else []
    pairs = [{"objective": n, "row": r} for (n, _), r in zip(found, rows, strict=True)]
    pairs.sort(key=lambda pair: [(isinstance(v, str), v) for v in (pair["row"][g] for g in groups)])  # type: ignore[index]
    (number_of,) = results.select(f"SELECT count(DISTINCT ({keys},)) FROM points")[0] if groups else (1,)
    note = (
        f"for each {', '.join(results.columns[g].label or g for g in groups)}" if groups else "of all feasible points"
    )
    note += f"; the first {GROUPS} of {number(number_of)}" if number_of > GROUPS else ""
    return {"groups": groups, "rows": pairs, "note": note}


def _counts(results: Results, name: str, condition: str) -> list[tuple[str | None, int]]:
    text = f"SELECT {quoted(name)}, count(*) AS n FROM points WHERE {condition} GROUP BY 1 ORDER BY n DESC, 1"
    return results.select(f"{text} LIMIT {REASONS}")


def _details(results: Results, folder: Path, front: NDArray[np.int64], most: int) -> tuple[list[Breakdown], str]:
    """Return breakdowns of some of the front, and if there are none, why."""
    if not len(front) or not most:
        return [], "No point was evaluated again."
    name = next(n for n in results.objectives if n in results.columns)
    ordered = front[np.argsort(results.rows(front, [name])[name], kind="stable")]
    chosen: Sequence[int] = [int(p) for p in ordered[spread(len(ordered), most)]]
    try:
        return list(breakdowns(results, space_of(results, folder), chosen)), ""
    except SpecError as error:
        reasons = "; ".join(d.message for d in error.diagnostics)
        return [], f"No point was evaluated again, since this would not give the stored numbers: {reasons}."


def _detail(found: Breakdown) -> dict[str, object]:
    values = asdict(found)
    return {
        "point": found.point, "energy": {c: _short(v) for c, v in values["energy_j"].items()},
        "area": {c: _short(v) for c, v in values["area_mm2"].items()}, "work": _short(found.lane_cycles),
        "dram": _short(found.dram_bytes), "latency": _short(found.latency_s), "peak": _short(found.peak),
        "bandwidth": None if found.bandwidth is None else _short(found.bandwidth),
    }  # fmt: skip


def _origin(results: Results) -> dict[str, object]:
    """Return how the results came about, and how to get them again."""
    study = results.study
    documents = json.loads(str(study.get("documents") or "{}"))
    versions = [("archsim", study.get("version")), ("study, SHA-256", study.get("digest")),
                ("started", study.get("started")), ("finished", study.get("finished") or "not yet")]  # fmt: skip
    name = shlex.quote(f"{study.get('name')}.yaml")
    return {
        "commands": [
            f"# as it was typed\n{study.get('command')}",
            f"# the study below, saved as {name}\narchsim sweep {name} -o {shlex.quote(results.file.name)}",
            f"archsim report {shlex.quote(results.file.name)} -o report.html",
        ],
        "versions": [(k, str(v)) for k, v in versions],
        "yaml": str(study.get("yaml") or ""),
        "documents": documents,
    }
