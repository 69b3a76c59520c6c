"""Do the benches and proofs notice seeded faults? Builds and simulates each one; run by `make mutate`.

A fault is caught when the bench fails, or else when a proof about its kernel does. A kernel that no longer compiles
is no fault but a mistake in the table. Writes rtl/bench/mutants.csv.
"""

import argparse
import shutil
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from rtl.bench.mutants import Mutant, Table, apply, tables, write_results
from rtl.bench.toolchain import SimulationFailed, build, missing_tools, simulate
from rtl.formal.prove import missing_provers, proofs, prove

GOAL = 0.9
"""Share of all faults that must be caught."""
TIMEOUT = 120.0
"""Seconds after which a simulation counts as hanging, that is as failed."""


def caught(table: Table, fault: Mutant, *, prover: bool = True) -> str:
    """Say what notices a fault: `simulation`, `proof`, or nothing (the empty string).

    Raises
    ------
    SimulationFailed
        The faulty kernel does not build.
    """
    with tempfile.TemporaryDirectory() as name:
        faulty = apply(table, fault, Path(name))
        made = build(table.top, table.parameters, extra=(faulty,))
        try:
            for seed in table.seeds:
                if simulate(made, table.bench, seed=seed, check=False, timeout=TIMEOUT).failed:
                    return "simulation"
        finally:
            shutil.rmtree(made.folder, ignore_errors=True)
        for proof in proofs() if prover else []:
            if proof.kernel == table.kernel and prove(proof, (faulty,)).status != "PASS":
                return "proof"
    return ""


def main() -> int:
    """Seed every fault of every kernel, or of those named, and report which are caught."""
    parser = argparse.ArgumentParser(
        prog="python -m rtl.bench.mutate",
        description=main.__doc__,
        epilog="example: python -m rtl.bench.mutate sync_fifo",
    )
    parser.add_argument("kernels", nargs="*", help="kernels with a .mutants.toml; none: all of them")
    parser.add_argument("-j", "--jobs", type=int, default=1, help="faults at a time (default 1)")
    given = parser.parse_args()
    if reason := missing_tools():
        print(reason, file=sys.stderr)
        return 2
    found = tables()
    if unknown := set(given.kernels) - {table.kernel for table in found}:
        print(
            f"no faults for {', '.join(sorted(unknown))}; there are {', '.join(t.kernel for t in found)}",
            file=sys.stderr,
        )
        return 2
    work = [(t, fault) for t in found if not given.kernels or t.kernel in given.kernels for fault in t.mutants]
    started, prover = time.monotonic(), missing_provers() is None
    verdicts: dict[str, list[str]] = {}
    unexplained = 0
    with ProcessPoolExecutor(given.jobs) as pool:
        runs = [(table, fault, pool.submit(caught, table, fault, prover=prover)) for table, fault in work]
        for table, fault, run in runs:
            try:
                by = run.result()
            except SimulationFailed as error:
                unexplained += 1
                print(f"MISTAKEN {table.kernel}: {fault.name} does not build\n{error}", flush=True)
                continue
            verdicts.setdefault(table.kernel, []).append(by)
            if not by:
                unexplained += not fault.equivalent
                print(f"SURVIVED {table.kernel}: {fault.name} ({fault.equivalent or 'no reason given'})", flush=True)
            elif fault.equivalent:
                unexplained += 1
                print(f"MISTAKEN {table.kernel}: {fault.name} is called equivalent, but a {by} catches it", flush=True)
            else:
                print(f"caught   {table.kernel}: {fault.name} (by {by})", flush=True)
    print(f"\n{'kernel':20} faults  simulation  proof  survived")
    for kernel, each in verdicts.items():
        print(f"{kernel:20} {len(each):6} {each.count('simulation'):11} {each.count('proof'):6} {each.count(''):9}")
    write_results({kernel: (len(each), len(each) - each.count("")) for kernel, each in verdicts.items()})
    every = [by for each in verdicts.values() for by in each]
    share = sum(map(bool, every)) / len(every)
    print(
        f"{share:.0%} of {len(every)} faults caught in {time.monotonic() - started:.0f} s; {unexplained} not explained"
    )
    return int(share < GOAL or unexplained > 0)


if __name__ == "__main__":
    sys.exit(main())
