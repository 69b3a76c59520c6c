"""SpAtten's schedules against formulas written out in plain Python, over thousands of random machines and layers.

The authors' behaviour simulator in closed form: keys and values of a head are loaded in groups of as many as are
computed in a cycle, then every query takes a cycle a group, one head after another. The pipelined law of a row: the
longest of memory, engine and multipliers.
"""

from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archsim.design import Design
from archsim.laws import quick_select_codes
from archsim.library import load
from archsim.model import evaluate
from archsim.value import Value
from archsim.workload import Workload
from einsum_cascade.errors import SpecError
from tests.archsim.test_spatten import cascade, machine, mapping

POINTS = 600


def draws(seed: int, **choices: list[int]) -> dict[str, list[int]]:
    random = np.random.default_rng(seed)
    return {name: [int(v) for v in random.choice(given, POINTS)] for name, given in choices.items()}


def simulated(keys: int, heads: int, queries: int, head: int, multipliers: int, channels: int, bits: int) -> int:
    """The authors' simulator: DRAM, fill and drain of a layer; no overlap, no top-k."""
    together = multipliers // head
    groups = ceil(keys / together)
    load = ceil(groups * together * head * bits / 8 / 32 / channels)
    return heads * 2 * load + heads * queries * groups + 103 + groups


def floats(values: list[int]) -> Value:
    return np.array(values, dtype=float)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_behaviour_simulator_anywhere(seed: int) -> None:
    """One key or 1024, one head, heads of 16 to 128, one to 32 scores a cycle, 1 to 64 channels, 4 and 8 bits."""
    sizes = [1, 2, 7, 8, 9, 15, 16, 17, 31, 102, 103, 500, 1000, 1023, 1024]
    p = draws(
        seed, keys=sizes, heads=[1, 2, 11, 12, 16], queries=[1, 2, 25, 384], head=[16, 32, 64, 80, 128],
        together=[1, 2, 3, 4, 8, 16, 32], left=[0, 0, 0, 5, 15], channels=[1, 2, 3, 8, 16, 64], bits=[4, 8],
    )  # fmt: skip
    p["multipliers"] = [t * e + x for t, e, x in zip(p.pop("together"), p["head"], p.pop("left"), strict=True)]
    expected = [simulated(**{n: v[i] for n, v in p.items()}) for i in range(POINTS)]
    widths: dict[str, Value] = {"K": floats(p["bits"]), "V": floats(p["bits"]), "KL": 4, "Q": 12, "AV": 12}
    work = Workload(name="layers", heads=floats(p["heads"]), head_dim=floats(p["head"]), bits=widths,
                    sequence_length=floats(p["keys"]), query_length=floats(p["queries"]))  # fmt: skip
    chip = machine(REQUEST=0, SLOWDOWN=1, MULTIPLIERS=floats(p["multipliers"]), CHANNELS=floats(p["channels"]),
                   D=floats(p["head"]))  # fmt: skip
    found = evaluate(cascade(), work, mapping("serial", "drained"), chip)
    np.testing.assert_allclose(np.asarray(found.latency_s) * 1e9, expected, rtol=0, atol=0.01)
    # All channels at best, one at worst; a burst of 32 bytes is the least that each of two tiles a head takes.
    least = np.asarray(found.dram_traffic_bytes) / 32 / floats(p["channels"])
    memory = np.asarray(found.timeline.groups[0].memory_s["dram"]) * 1e9
    assert (memory >= least * (1 - 1e-9)).all()
    assert (memory <= least * floats(p["channels"]) + 2 * floats(p["heads"])).all()


def row(keys: int, values: int, heads: int, low: float, bits: int, channels: int, together: int, lanes: int,
        request: int, slowdown: float) -> float:  # fmt: skip
    """Cycles of all rows of a layer that generates a token: heads of 64, 12-bit queries and results."""
    bursts = sum(ceil(heads * n * 64 * width / 8 / 32 - 1e-9) for n, width in ((1, 12), (1, 12)))
    bursts += heads * (ceil(keys * 64 * bits / 8 / 32) + ceil(values * 64 * bits / 8 / 32))
    bursts += heads * low * ceil(keys * 64 * 4 / 8 / 32)
    memory = heads * request + slowdown * bursts / channels
    scores = heads * ceil(keys / together) * (1 + low)
    selection = heads * (float(quick_select_codes(keys, values, lanes=lanes)) + ceil(keys / together))
    weighted = heads * ceil(values / together)
    # DRAM at 32 GB/s a channel moves a burst of 32 bytes a cycle
    return max(memory, scores, selection, weighted)


@settings(max_examples=3, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_pipelined_law_anywhere(seed: int) -> None:
    """Kept values from one to all, low bits for none, some and all rows, tiny and huge bandwidth, three memories."""
    p = draws(seed, keys=[1, 2, 8, 9, 102, 500, 1024], heads=[1, 3, 12], channels=[1, 2, 16, 64, 1024],
              together=[1, 3, 8, 16], lanes=[1, 4, 16, 32], request=[0, 59, 69])  # fmt: skip
    random = np.random.default_rng(seed)
    values = [max(1, int(k * s)) for k, s in zip(p["keys"], random.choice([0, 0.2, 1], POINTS), strict=True)]
    low, slowdown = random.choice([0, 0.07, 1], POINTS), random.choice([1, 1.3, 2.39], POINTS)
    expected = [row(**{n: v[i] for n, v in p.items()}, values=values[i], low=low[i], bits=8, slowdown=slowdown[i])
                for i in range(POINTS)]  # fmt: skip
    work = Workload(name="rows", heads=floats(p["heads"]), head_dim=64, sequence_length=1024, query_length=1,
                    bits={"K": 8, "V": 8, "KL": 4, "Q": 12, "AV": 12})  # fmt: skip
    chip = machine(REQUEST=floats(p["request"]), SLOWDOWN=slowdown, MULTIPLIERS=64 * floats(p["together"]),
                   CHANNELS=floats(p["channels"]), TOPK=floats(p["lanes"]))  # fmt: skip
    found = evaluate(cascade(), work, mapping(), chip, {"M": floats(p["keys"]), "T": floats(values), "LSB": low})
    np.testing.assert_allclose(np.asarray(found.latency_s) * 1e9, expected, rtol=1e-9)


def test_whole_groups_are_read_and_lie_there() -> None:
    """13 keys come as 16 where the simulator loads eight at once: traffic and room too."""
    work = Workload(name="w", heads=3, head_dim=64, sequence_length=13, query_length=5, bits={"K": 8, "V": 4})
    found = evaluate(cascade(), work, mapping("serial", "drained"), machine())
    assert found.traffic_bytes["dram", "K", "read"] == 3 * 16 * 64
    assert found.traffic_bytes["dram", "V", "read"] == 3 * 16 * 64 / 2
    assert found.fit["head", "key_sram"].bytes == 2 * 16 * 64 * 1.5
    plain = evaluate(cascade(), work, mapping(), machine())
    assert plain.traffic_bytes["dram", "K", "read"] == 3 * 13 * 64


@pytest.mark.parametrize(("words", "message"), [("0", "K comes in multiples of 0 words"), ("2.5", "multiples of 2.5")])
def test_a_multiple_that_makes_no_sense(words: str, message: str) -> None:
    from archsim.mapping import Mapping

    changed = load(Mapping, "spatten", {"groups.head.whole": {"K": words}})
    with pytest.raises(SpecError, match=message):
        evaluate(cascade(), Workload(name="w", heads=1, sequence_length=8), changed, load(Design, "spatten"))


def test_an_unknown_tensor_comes_in_no_multiples() -> None:
    from archsim.mapping import Mapping

    changed = load(Mapping, "spatten", {"groups.head.whole": {"KK": 8}})
    with pytest.raises(SpecError, match=r"no Einsum of the group touches KK"):
        evaluate(cascade(), Workload(name="w", heads=1, sequence_length=8), changed, load(Design, "spatten"))


def test_points_on_both_sides_of_a_case_that_someone_decided() -> None:
    """One query and many in one call: the case that chooses the end is of no account once the end was chosen."""
    work = Workload(name="w", heads=2, sequence_length=64, query_length=np.array([1.0, 8]))
    assert evaluate(cascade(), work, mapping(), machine()).points == 2
    with pytest.raises(SpecError, match="different cases"):
        from archsim.mapping import Mapping

        evaluate(cascade(), work, load(Mapping, "spatten"), machine())


@pytest.mark.parametrize("kept", [1025, np.array([10.0, 1024, 2048])])
def test_no_more_is_kept_than_there_is(kept: Value) -> None:
    work = Workload(name="w", heads=1, sequence_length=1024, query_length=1)
    with pytest.raises(SpecError, match="IV keeps T of M: more than there are"):
        evaluate(cascade(), work, mapping(), machine(), {"T": kept})
