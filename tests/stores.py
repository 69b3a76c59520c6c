"""A store as `archsim sweep` writes it: points of a design space, evaluated, or random ones in any number."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import duckdb
import numpy as np

OBJECTIVES = ["latency_s", "energy_j", "area_mm2"]
# fmt: off
COLUMNS = [
    {"name": "workload", "role": "input", "path": "workload", "unit": "", "label": "workload"},
    {"name": "sequence_length", "role": "input", "path": "workload.sequence_length", "unit": "",
     "label": "sequence length"},
    {"name": "SIDE", "role": "input", "path": "design.parameters.SIDE", "unit": "", "label": "SIDE"},
    {"name": "CAPACITY", "role": "input", "path": "design.parameters.CAPACITY", "unit": "B", "label": "CAPACITY"},
    {"name": "latency_s", "role": "output", "path": "", "unit": "s", "label": "latency"},
    {"name": "energy_j", "role": "output", "path": "", "unit": "J", "label": "energy"},
    {"name": "area_mm2", "role": "output", "path": "", "unit": "mm²", "label": "area"},
    {"name": "dram_traffic_bytes", "role": "output", "path": "", "unit": "B", "label": "DRAM traffic"},
    {"name": "utilization_array_2d", "role": "output", "path": "", "unit": "", "label": "utilization of array_2d"},
    {"name": "feasible", "role": "verdict", "path": "", "unit": "", "label": "feasible"},
    {"name": "reason", "role": "verdict", "path": "", "unit": "", "label": "reason"},
    {"name": "bottleneck", "role": "verdict", "path": "", "unit": "", "label": "bottleneck"},
]
# fmt: on
TEXT = "sweep: tiny\ndocuments: {mapping: fusemax_binding}\n"


def random_store(file: Path, number: int, seed: int = 1) -> Path:
    """Write a store of random points, of which every seventh is infeasible, in DuckDB itself: millions in a moment."""
    with duckdb.connect(str(file)) as connection:
        connection.execute(f"SELECT setseed({0.5 / seed})")
        connection.execute(
            f"""
            CREATE TABLE points AS
            SELECT point, CASE WHEN point % 2 = 0 THEN 'bert' ELSE 'xlm' END AS workload,
                   1024 << (point % 5)::INTEGER AS sequence_length, 64e0 * (1 + point % 4) AS SIDE,
                   pow(2, 16 + point % 9) AS CAPACITY, exp(4 * a + b) / 1000 AS latency_s,
                   exp(4 - 4 * a + c) AS energy_j,
                   100 + 900 * d AS area_mm2, 1e9 * b AS dram_traffic_bytes, c AS utilization_array_2d,
                   point % 7 != 0 AS feasible,
                   CASE WHEN point % 7 = 0 THEN 'buffer in group attention' END AS reason,
                   CASE WHEN point % 3 = 0 THEN 'dram' ELSE 'array_2d' END AS bottleneck
            FROM (SELECT range AS point, random() AS a, random() AS b, random() AS c, random() AS d
                  FROM range({number}))
            """
        )
        connection.execute("CREATE TABLE front (point BIGINT)")
        describe(connection, number)
    return file


STUDY = """\
sweep: small
description: a small <b>space</b> & its </script> front
documents: {mapping: fusemax_binding, workload: [bert, xlm]}
axes:
  workload.sequence_length: [4K, 16K]
  design.parameters.SIDE: [64, 128, 256]
  design.parameters.CAPACITY: {powers_of_two: [64K, 4M]}
  design.memories.dram.bandwidth: {linear: [100 GB/s, 400 GB/s, 4]}
"""


def swept(folder: Path, text: str = STUDY) -> Path:
    """Sweep a study for good; its results."""
    from archsim.sweeps.sweep import order, sweep

    study = folder / "small.yaml"
    study.write_text(text, encoding="utf-8")
    sweep(order(study), folder / "small.duckdb", command="archsim sweep small.yaml -o small.duckdb")
    return folder / "small.duckdb"


def store(file: Path, columns: Mapping[str, object]) -> Path:
    """Write a store with these columns, the rest plain: for tests that count by hand."""
    number = len(next(iter(columns.values())))  # type: ignore[arg-type]
    plain = {
        "workload": ["bert"] * number, "sequence_length": [1024] * number, "SIDE": [64.0] * number,
        "CAPACITY": [65536.0] * number, **{n: [1.0] * number for n in OBJECTIVES},
        "dram_traffic_bytes": [1.0] * number, "utilization_array_2d": [0.5] * number, "feasible": [True] * number,
        "reason": [None] * number, "bottleneck": ["dram"] * number, **columns,
    }  # fmt: skip
    types = dict.fromkeys(("workload", "reason", "bottleneck"), "VARCHAR") | {"feasible": "BOOLEAN"}
    with duckdb.connect(str(file)) as connection:
        connection.execute("CREATE TABLE front (point BIGINT)")
        names = ", ".join(f'"{n}" {types.get(n, "DOUBLE")}' for n in plain)
        connection.execute(f"CREATE TABLE points (point BIGINT, {names})")
        rows = [[i, *(v.item() if hasattr(v, "item") else v for v in row)]
                for i, row in enumerate(zip(*plain.values(), strict=True))]  # fmt: skip
        connection.executemany(f"INSERT INTO points VALUES ({', '.join('?' * (len(plain) + 1))})", rows)
        describe(connection, number)
    return file


def describe(connection: duckdb.DuckDBPyConnection, number: int) -> None:
    digest = hashlib.sha256(TEXT.encode()).hexdigest()
    connection.execute(
        """CREATE TABLE study (name VARCHAR, description VARCHAR, yaml VARCHAR, digest VARCHAR, version VARCHAR,
        documents VARCHAR, columns VARCHAR, objectives VARCHAR, total BIGINT, command VARCHAR, started VARCHAR,
        finished VARCHAR)"""
    )
    row = ["tiny", "a tiny design space", TEXT, digest, "0.1.0", json.dumps({"mapping/fusemax_binding": digest}),
           json.dumps(COLUMNS), json.dumps(OBJECTIVES), number, "archsim sweep tiny.yaml -o tiny.duckdb",
           "2026-11-22T00:00:00", "2026-11-22T00:01:00"]  # fmt: skip
    connection.execute(f"INSERT INTO study VALUES ({', '.join('?' * len(row))})", row)


def oracle(values: np.ndarray, maximize: tuple[bool, ...]) -> list[int]:
    """List the points that no other beats, the first of equal ones, by comparing all pairs."""
    signed = values * np.where(maximize, -1.0, 1.0)
    return [
        i for i, v in enumerate(signed)
        if not any(np.all(w <= v) and (np.any(w < v) or j < i) for j, w in enumerate(signed))
    ]  # fmt: skip
