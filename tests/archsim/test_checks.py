"""The live footprint of a cascade: what a further pass reads again must be kept whole or written out."""

import pytest

from archsim.design import Design
from archsim.library import load
from archsim.mapping import Mapping
from archsim.plan import plan
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, DESIGN, MAPPING, cascade, changed, design, mapping

# Worked example 1 of FuseMax (MICRO'24) section III: A is visited twice, Y hands over the sum.
TWO_PASSES = changed(CASCADE, ("Y[m] = A[m,k] * B[k]", "Y[m] = A[m,k] * B[k]\n  W[m,k] = A[m,k] + B[k]\n  V[m] = W[m,k]"),  # noqa: E501
                     ("X[m] = exp(Y[m])", "X[m,k] = W[m,k] * V[m]"), ("X[m] + Y[m]", "X[m,k] * Y[m]")) + "seq: [k]\n"  # fmt: skip  # noqa: E501
HOW = changed(MAPPING, ("pes: [Y]", "pes: [Y, W, V]"), ("{near: {B: m1}}", "{near: {B: m1, KEPT}}"),
              ("[m1, m0]", "[m1, m0], k: [k1, k0]"), ("M0: ROWS", "M0: ROWS, K0: 2"))  # fmt: skip
MACHINE = changed(DESIGN, ("{add: mac, mul", "{mul+add: mac, add: mac, mul"))


def outcome(kept: str, *changes: tuple[str, str]) -> str:
    try:
        plan(cascade(TWO_PASSES), mapping(changed(HOW, ("KEPT", kept), *changes)), design(MACHINE))
    except SpecError as error:
        return str(error)
    return ""


def test_a_tensor_of_two_passes_must_be_kept() -> None:
    assert outcome("A: m1") == (
        "m.yaml:11:11: group all: tiny makes 2 passes, so W must stay whole; it is kept nowhere\n"
        "        keep: {near: {B: m1, A: m1}}\n"
        "              ^^^^^^^^^^^^^^^^^^^^^^\n"
        "  hint: keep it in a memory outside of the loops over k, or in far"
    )


def test_kept_whole_is_enough() -> None:
    assert outcome("W: m1") == ""


def test_written_out_is_enough() -> None:
    assert outcome("A: m1", ("keep: {near", "keep: {far: {W: m1}, near")) == ""


def test_a_tile_along_the_sequence_is_not() -> None:
    found = outcome("W: k1", ("loops: [m1]", "loops: [m1, k1]"))
    assert "so W must stay whole; inside the loop k1 only a tile of it is kept" in found


def test_an_alias_has_the_room_of_another() -> None:
    assert outcome("A: m1", ("keep:", "alias: {W: A}\n    keep:")) == ""


def test_a_tensor_that_goes_to_another_group_is_written_out() -> None:
    text = changed(HOW, ("KEPT", "A: m1"), ("pes: [Y, W, V], vec: [X, Z]", "pes: [Y, W, V]"),
                   (", vec: {lanes: m0}", "")) + (
        "  # the second group\n".replace("  # the second group\n", "")
    )  # fmt: skip
    second = "groups:\n  rest:\n    loops: [m]\n    binding: {vec: [X, Z]}\n    space: {}\n    keep: {}\n  all:"
    found = mapping(text.replace("groups:\n  all:", second))
    ordered = plan(cascade(TWO_PASSES), found, design(MACHINE))
    assert "W" in next(g for g in ordered.groups if g.group.name == "all").leaves


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        (
            "unfused",
            "groups.softmax",
            {"loops": ["b", "h", "p2", "p1", "p0"], "binding": {"array_1d": ["GM", "SN", "SD", "A"]}, "space": {}},
        ),
        ("flat", "groups.attention.loops", ["b", "h", "p2", "m1"]),
    ],
)
def test_shipped_mappings_are_held_to_their_passes(name: str, path: str, value: object) -> None:
    from archsim.choices import concrete
    from archsim.design import Design
    from einsum_cascade import Cascade

    found = load(Mapping, name, {path: value})
    names = {"M": 1024, "P": 1024, "E": 64, "SIDE": 256, "CAPACITY": 2**25}
    if name == "unfused":  # the scores come from another group, and SN is made here
        with pytest.raises(SpecError, match="makes 3 passes, so SN must stay whole"):
            plan(load(Cascade, found.cascade), concrete(found, names), load(Design, found.design))
        return
    plan(load(Cascade, found.cascade), concrete(found, names), load(Design, found.design))


def test_one_pass_needs_no_room() -> None:
    """But for its running values, of which one tile is enough."""
    running = {"RM": "p2", "RD": "p2", "RNV": "p2"}
    found = load(Mapping, "fusemax_binding", {"groups.attention.keep": {"buffer": {"Q": "p2"}, "array_1d": running}})
    assert plan(load(Cascade, found.cascade), found, load(Design, "fusemax")).groups


def test_a_running_value_is_kept_somewhere() -> None:
    """The pointers of A3's queues: without the registers that hold them, nothing would be charged and nothing said."""
    algorithm, chip = load(Cascade, "a3"), load(Design, "a3")
    assert plan(algorithm, load(Mapping, "a3"), chip)
    for nowhere in ({"HC": "p", "HV": "p", "LC": "p", "SG": "p"}, None):
        how = load(Mapping, "a3", {"groups.head.keep.search": nowhere})
        with pytest.raises(SpecError) as caught:
            plan(algorithm, how, chip)
        found = {d.message.split()[2]: d for d in caught.value.diagnostics}
        assert set(found) == ({"LV"} if nowhere else {"HC", "HV", "LC", "LV", "SG"})
        assert "running value along n, and it is kept nowhere" in found["LV"].message
        assert "keep: {search: {LV: LOOP}}" in found["LV"].hint and found["LV"].place.line > 1
    elsewhere = load(Mapping, "a3", {"groups.head.resident": ["LV", "HC", "HV", "LC", "SG"],
                                     "groups.head.keep.search": None})  # fmt: skip
    assert plan(algorithm, elsewhere, chip)
