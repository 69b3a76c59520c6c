"""Machines, cascades and mappings small enough to count by hand."""

from collections.abc import Mapping as Dict

from archsim.binding import Binding, bind
from archsim.design import Design, read_design
from archsim.energy import EnergyTable, read_energy
from archsim.mapping import Mapping, read_mapping
from archsim.model import evaluate
from archsim.report import Report
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.cascade import Cascade
from einsum_cascade.document import read
from einsum_cascade.load import read_cascades

ENERGY = """\
energy: tiny
source: made up
components:
  store: {per: 8 B, read: 3 pJ, write: 5 pJ, source: made up}
  cache: {read: 1 pJ, write: 2 pJ, area: 7, source: made up}
  mac: {energy: 10 pJ, area: 2, operands: 3, source: made up}
  exp: {energy: 100 pJ, operands: 1, source: made up}
  file: {read: 0.5 pJ, write: 0.25 pJ, area: 1, source: made up}
"""
DESIGN = """\
design: small
source: made up
parameters: {ROWS: 4, LANES: 2, ROOM: 1024}
clock: 1 GHz
memories:
  far: {bandwidth: 8 GB/s, component: store}
  near: {capacity: ROOM, line: 4, component: cache}
arrays:
  pes: {shape: {rows: ROWS}, operations: {mul+add: mac, mul: mac, add: mac, max: mac}, registers: file, units: [mac]}
  vec: {shape: {lanes: LANES}, operations: {add: mac, mul: mac, sub: mac, max: mac, exp: 3 exp, div: 2 mac}, area: 9}
energy: tiny
"""
CASCADE = """\
cascade: tiny
source: made up
ranks: {M: 8, K: 6}
inputs: {A: [M, K], B: [K]}
outputs: [Z]
einsums: |
  Y[m] = A[m,k] * B[k]
  X[m] = exp(Y[m])
  Z[m] = X[m] + Y[m]
"""
MAPPING = """\
mapping: tiny
source: made up
cascade: tiny
design: small
groups:
  all:
    loops: [m1]
    partitioning: {m: [m1, m0]}
    binding: {pes: [Y], vec: [X, Z]}
    space: {pes: {rows: m0}, vec: {lanes: m0}}
    keep: {near: {B: m1}}
parameters: {M0: ROWS}
"""
WORKLOAD = Workload(name="w", word_bits=16, ranks={"M": 8, "K": 6})


def energy(text: str = ENERGY) -> EnergyTable:
    return read_energy(read(text, "e.yaml")[0])


def design(text: str = DESIGN, **values: Value) -> Design:
    return read_design(read(text, "d.yaml")[0], {"tiny": energy()}, values)


def mapping(text: str = MAPPING) -> Mapping:
    return read_mapping(read(text, "m.yaml")[0])


def cascade(text: str = CASCADE) -> Cascade:
    (found,) = read_cascades(text)
    return found


def changed(text: str, *changes: tuple[str, str]) -> str:
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def bound(
    of_mapping: str = MAPPING, of_cascade: str = CASCADE, of_design: str = DESIGN,
    values: Dict[str, Value] | None = None, workload: Workload = WORKLOAD,
) -> Binding:  # fmt: skip
    return bind(cascade(of_cascade), workload, mapping(of_mapping), design(of_design), values)


def run(
    of_mapping: str = MAPPING, of_cascade: str = CASCADE, of_design: str = DESIGN,
    values: Dict[str, Value] | None = None, workload: Workload = WORKLOAD,
) -> Report:  # fmt: skip
    return evaluate(cascade(of_cascade), workload, mapping(of_mapping), design(of_design), values)
