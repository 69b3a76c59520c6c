"""A tensor that is defined in pieces: each has its own place and density; what is said of the tensor holds for all."""

import numpy as np
import pytest

from archsim.design import Design
from archsim.laws import quick_select_codes as select
from archsim.library import load
from archsim.mapping import Mapping
from archsim.model import evaluate
from archsim.pieces import expanded, pieces
from archsim.report import Report
from archsim.summary import notes
from archsim.workload import Workload
from einsum_cascade import Cascade
from einsum_cascade.errors import SpecError
from tests.tiny import CASCADE, MAPPING, cascade, changed, mapping, run

TWO = changed(CASCADE, ("  X[m] = exp(Y[m])", "  X[m] = exp(Y[m]) | m < 3\n  X[m] = 2 * Y[m] | m >= 3"))


def split(*changes: tuple[str, str]) -> Report:
    return run(changed(MAPPING, *changes), TWO)


def busy(report: Report) -> dict[str, object]:
    return dict(report.timeline.groups[0].busy)


def test_pieces_have_names() -> None:
    assert list(pieces(cascade())) == ["Y", "X", "Z"]
    assert list(pieces(cascade(TWO))) == ["Y", "X.1", "X.2", "Z"]


def test_a_group_without_pieces_stays_as_it_is() -> None:
    group = mapping().groups[0]
    assert expanded(group, pieces(cascade())) is group


def test_each_piece_counts() -> None:
    """By hand: 2 tiles of 4 points on 2 lanes; exp takes 3 cycles, a product 1. No density: each is charged whole."""
    assert busy(split()) == {"Y": 12, "X.1": 12, "X.2": 4, "Z": 4}
    thinned = split(("keep:", "density: {X.1: 3/8, X.2: 5/8}\n    keep:"))
    assert busy(thinned) == {"Y": 12, "X.1": 4.5, "X.2": 2.5, "Z": 4}
    points = {p.name: p.points for p in thinned.binding.groups[0].placed}
    assert points["X.1"] == 3 and points["X.2"] == 5
    assert [p.tensor for p in thinned.binding.groups[0].placed] == ["Y", "X", "X", "Z"]


def test_words_of_the_pieces_add_up_to_the_tensor() -> None:
    kept = ("{near: {B: m1}}", "{near: {B: m1, X: m1}}")
    alone = run(changed(MAPPING, kept))
    both = split(kept, ("keep:", "density: {X.1: 3/8, X.2: 5/8}\n    keep:"))
    assert both.traffic_bytes == alone.traffic_bytes


def test_what_is_said_of_the_tensor_holds_for_its_pieces() -> None:
    said = split(
        ("keep:", "density: {X: 1/2, X.2: 1/4}\n    time: {X: [m0]}\n    keep:"), ("vec: {lanes: m0}", "X: {}")
    )
    assert busy(said)["X.1"] == 12 and busy(said)["X.2"] == 2  # no lanes: 8 steps of 3 cycles, and of one
    phases = "schedule: {phases: [{pes: [Y]}, {vec: [X, Z]}]}\n    keep:"
    assert float(split(("keep:", phases)).timeline.groups[0].cycles) == 12 + 12 + 4 + 4


def test_pieces_may_stand_on_different_arrays() -> None:
    apart = split(("pes: [Y], vec: [X, Z]", "pes: [Y, X.2], vec: [X.1, Z]"))
    assert {p.name: p.array for p in apart.binding.groups[0].placed}["X.2"] == "pes"
    assert busy(apart)["X.2"] == 2  # all 4 rows


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        ("pes: [Y], vec: [X.1, Z]", "the Einsum X.2 of tiny is bound to no array"),
        ("pes: [Y, X.2], vec: [X, Z]", "the Einsum X.2 is bound twice, to pes and vec"),
        ("pes: [Y], vec: [X, X.3, Z]", "tiny has no Einsum X.3"),
    ],
)
def test_mistakes(binding: str, message: str) -> None:
    with pytest.raises(SpecError, match=message.replace(".", r"\.")) as caught:
        split(("pes: [Y], vec: [X, Z]", binding))
    assert caught.value.diagnostics[0].place.line >= 1


def test_a_note_names_the_pieces_without_a_density() -> None:
    (note,) = notes(split(("keep:", "density: {X.1: 1}\n    keep:")))
    assert "the conditions of X.2 skip no work" in note


TOKENS, LIVE, HEADS, KEPT_HEADS, VALUES = 1024, 716, 12, 10, 143


def progressive(share: object, **values: object) -> Report:
    found = load(Mapping, "spatten_progressive")
    workload = Workload(
        name="w", heads=HEADS, sequence_length=TOKENS, query_length=1, ranks={"T": VALUES},
        bits={"KH": 8, "KL": 4, "V": 8, "Q": 8, "AV": 8},
    )  # fmt: skip
    given = {"J": LIVE, "HL": KEPT_HEADS, "LSB": share, **values}
    return evaluate(load(Cascade, found.cascade), workload, found, load(Design, found.design), given)  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0, 0.07, 1])
def test_progressive_quantization_by_hand(share: float) -> None:
    """One token of a layer: 716 of 1024 keys and 10 of 12 heads live, 143 values kept, `share` of rows done again."""
    report = progressive(share)
    group = report.timeline.groups[0]
    rows = -(-LIVE // 8)  # 8 scores a cycle
    assert group.busy["QKH"] == KEPT_HEADS * rows and group.busy["QKL"] == pytest.approx(share * KEPT_HEADS * rows)
    for name in ("LG", "QK", "GM", "SN", "SD", "A.1"):
        assert group.busy[name] == pytest.approx(share * KEPT_HEADS * rows), name
    assert group.busy["A.2"] == pytest.approx((1 - share) * KEPT_HEADS * rows)
    for name in ("GMH", "SNH", "SDH", "AH", "MX", "KG", "DI"):
        assert group.busy[name] == KEPT_HEADS * rows, name
    read = {t: report.traffic_bytes["dram", t, "read"] for t in ("KH", "KL", "V", "Q")}
    assert read["KH"] == KEPT_HEADS * LIVE * 64 and read["V"] == KEPT_HEADS * VALUES * 64
    assert read["KL"] == pytest.approx(share * KEPT_HEADS * LIVE * 64 / 2)
    whole = [KEPT_HEADS * b for b in (LIVE * 64, 64, VALUES * 64, 64)]  # keys, queries, values, results
    bursts = (sum(whole) + 32 * np.ceil(KEPT_HEADS * share * LIVE * 32 / 32)) / 512  # 16 channels, bursts of 32 B
    assert float(group.memory_s["dram"]) * 1e9 == pytest.approx(KEPT_HEADS * 69 + 2.39 * bursts)
    search = sum(select(n, k) + -(-n // 8) for n, k in [(TOKENS, LIVE), (HEADS, KEPT_HEADS)])
    search += KEPT_HEADS * (select(LIVE, VALUES) + rows)
    assert sum(float(group.busy[n]) for n in ("IX", "IH", "IV")) == pytest.approx(search)
    assert float(report.latency_s) == pytest.approx(max(float(group.memory_s["dram"]), search / 1e9))


def test_probabilities_are_written_once_whatever_the_share() -> None:
    many = progressive(np.array([0.0, 0.3, 1.0]))
    assert many.points == 3
    written = many.traffic_bytes["fifo", "A", "write"]
    np.testing.assert_allclose(written, KEPT_HEADS * LIVE * 1.5)
    assert np.all(np.diff(many.latency_s) > 0) and np.all(np.diff(many.energy_j) > 0)
    assert not notes(progressive(0.07))


def test_a_row_is_dense_where_nothing_says_otherwise() -> None:
    """All tokens are live and all values kept; a share of the tokens with the values of all would make no sense."""
    found = load(Mapping, "spatten_progressive")
    work = Workload(name="w", heads=2, sequence_length=512, query_length=1)
    report = evaluate(load(Cascade, found.cascade), work, found, load(Design, found.design))
    assert report.binding.names["J"] == report.binding.names["T"] == 512
    read = {t: report.traffic_bytes["dram", t, "read"] for t in ("KH", "V")}
    assert read["KH"] == read["V"] == 2 * 512 * 64 * 2
