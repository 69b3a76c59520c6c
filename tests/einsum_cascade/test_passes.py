"""Passes and live footprints: worked examples of FuseMax (MICRO'24) section III, the cards, Appendix A, the macro."""

from pathlib import Path

import pytest

from einsum_cascade import Cascade, SpecError, load, read_cascades
from einsum_cascade.load import index, read_file
from einsum_cascade.passes import Passes, explain, passes

HERE = Path(__file__).parent / "passes"
EXAMPLES = {c.name: c for c in read_file(HERE / "examples.yaml")}
APPENDIX = {c.name: c for c in read_file(HERE / "appendix.yaml")}
# Name in the ATTEND macro, file of the package, passes, what keeps more than one element along m (besides a tile).
VARIANTS = [
    ("naive", "naive", 2, {"SN": "M"}),
    ("lazy", "lazy", 1, {}),
    ("stable3", "3pass", 3, {"QK": "M", "SN": "M"}),
    ("stable2", "2pass_deferred", 2, {"QK": "M"}),
    ("local2", "2pass", 2, {"BQK": "M0", "LM": "M1", "SLN": "M", "SLD": "M1", "CF": "M1"}),
    ("summary", "block_summaries", 1, {"BQK": "M0", "LM": "M1", "SLD": "M1", "SLNV": "M1"}),
    ("online1", "1pass", 1, {"BQK": "M0"}),
    ("fa1", "fa1", 1, {"BQK": "M0"}),
]
PATTERNS = {
    "full": ("", "", ""),
    "causal": ("", "", " | m <= p"),
    "window": ("", "", " | p - 5 < m <= p"),
    "chunked": ("", "", " | m//4 == p//4 and m <= p"),
    "dilated": ("", "", " | (p - m) % 2 == 0"),
    "gqa": ("hk,r,", "hk,", ""),
}


def kept(result: Passes) -> dict[str, str]:
    """What keeps more than one element along the rank."""
    return {t: extent for t, extent in result.live.items() if extent != "1"}


def cascade(einsums: str, inputs: str, **keys: str) -> Cascade:
    """A cascade of few words; every tensor that is written is an output."""
    lines = [line.strip() for line in einsums.strip().splitlines()]
    outputs = ", ".join(dict.fromkeys(line.split("[")[0] for line in lines))
    more = "".join(f"{k}: {v}\n" for k, v in keys.items())
    body = "".join(f"  {line}\n" for line in lines)
    return read_cascades(f"cascade: test\ninputs: {inputs}\noutputs: [{outputs}]\n{more}einsums: |\n{body}")[0]


class TestWorkedExamples:
    @pytest.mark.parametrize(
        ("name", "per_tensor", "live"),
        [
            ("cascade_1", {"A": 2, "B": 1}, {"A": "K"}),
            ("cascade_2", {"A": 1, "B": 1}, {}),
            ("cascade_3", {"A": 1, "B": 1}, {}),
            ("cascade_3_prefix", {"A": 1, "B": 1}, {}),
            ("softmax_unstable", {"I": 2}, {"SN": "M"}),
            ("softmax_stable", {"I": 3}, {"I": "M", "SN": "M"}),
            # In the first sweep a tile of I waits for its own maximum.
            ("softmax_2pass", {"I": 2}, {"I": "M0", "SLN": "M", "LM": "M1", "SLD": "M1", "PM": "M1"}),
            ("variance", {"X": 2}, {"X": "K"}),
            ("variance_1pass", {"X": 1}, {}),
            ("variance_welford", {"X": 1}, {}),
            ("layernorm", {"X": 3}, {"X": "K"}),
            ("layernorm_1pass_variance", {"X": 2}, {"X": "K"}),
            ("layernorm_deferred", {"X": 1, "W": 1}, {}),
            ("unrelated", {"A": 1, "B": 1, "C": 1}, {}),
            ("asap_trap", {"A": 1, "C": 1}, {}),
            ("derived", {"A": 2}, {"A": "K"}),  # "A or B": the input needs no write
            ("gemm_chain", {"B": 1, "C": 1}, {}),
            ("linear_attention", {"K": 1, "V": 1}, {}),
            ("threshold", {"K": 3, "V": 1}, {"QK": "M", "PK": "M"}),
            ("threshold_deferred", {"K": 2, "V": 1}, {"QK": "M"}),
        ],
    )
    def test_extensions_and_cascades_1_to_3(self, name: str, per_tensor: dict[str, int], live: dict[str, str]) -> None:
        result = passes(EXAMPLES[name])
        assert result.passes == max(per_tensor.values())
        assert (dict(result.per_tensor), kept(result)) == (per_tensor, live)
        assert result.sequence_independent == (set(live.values()) <= {"M0"})

    def test_cascade_4_has_three_passes(self) -> None:
        result = passes(load(Cascade, "attention_3pass"), sizes={"M": 2**40})
        assert (result.rank, result.passes, dict(result.per_tensor)) == ("m", 3, {"K": 3, "V": 1})
        assert dict(result.live_words) == {"QK": 2**40, "GM": 1, "SN": 2**40, "SD": 1, "AV": 64}
        assert [(c.number, c.tensor, c.barrier, c.again) for c in result.chains] == [
            (2, "QK", "GM", "SN"),
            (3, "SN", "SD", "A"),
        ]
        assert not result.sequence_independent

    def test_cascade_4_with_deferred_division_has_two(self) -> None:
        result = passes(load(Cascade, "attention_2pass_deferred"))
        assert (result.passes, kept(result)) == (2, {"QK": "M"})
        assert (result.spill["QK"].writes, result.spill["QK"].reads) == (1024, 1024)

    def test_cascade_5_has_one_and_two_inside_a_tile(self) -> None:
        outer, inner = (passes(load(Cascade, "attention_1pass"), rank) for rank in (None, "M0"))
        assert (outer.passes, inner.rank, inner.passes) == (1, "m0", 2)
        assert kept(outer) == {"BQK": "M0"}
        assert [c.path for c in inner.chains] == [("BQK", "LM", "RM", "SLN")]
        # F + 2 words of state and one tile
        assert dict(outer.live_words) == {"BQK": 128, "RM": 1, "RD": 1, "RNV": 64}
        assert outer.sequence_independent and outer.parallel == ("P",) and not outer.spill


@pytest.mark.parametrize(("variant", "file", "count", "live"), VARIANTS, ids=[v[0] for v in VARIANTS])
class TestVariants:
    @pytest.mark.parametrize("mask", ["", "_causal"], ids=["full", "causal"])
    def test_files(self, variant: str, file: str, count: int, live: dict[str, str], mask: str) -> None:
        result = passes(load(Cascade, f"attention_{file}{mask}"))
        assert (result.passes, dict(result.per_tensor), kept(result)) == (count, {"K": count, "V": 1}, live)
        assert result.sequence_independent == (variant in ("lazy", "online1", "fa1"))

    @pytest.mark.parametrize("pattern", PATTERNS)
    def test_macro(self, variant: str, file: str, count: int, live: dict[str, str], pattern: str) -> None:
        q, kv, mask = PATTERNS[pattern]
        ranks = "HK, R, " if q else ""
        made = read_cascades(f"""
cascade: macro
variant: {variant}
ranks: {{P: 64, M: 64, E: 8, F: 8}}
params: {{M0: 4, R: 2, HK: 3}}
inputs: {{Q: [{ranks}E, P], K: [{"HK, " if q else ""}E, M], V: [{"HK, " if q else ""}F, M]}}
outputs: [AV]
einsums: |
  S[{q}m,p] = Q[{q}e,p] * K[{kv}e,m]{mask}
  AV[{q}f,p] = ATTEND(m; S[{q}m,p], V[{kv}f,m])
seq: [m]
""")[0]
        result = passes(made)
        live = {{"QK": "S", "BQK": "S"}.get(t, t): extent for t, extent in live.items()}
        assert (result.rank, result.passes, dict(result.per_tensor)) == ("m", count, {"K": count, "V": 1})
        assert kept(result) == live
        words = {"M": 64, "M1": 16, "M0": 4}
        single = {t: words[e] for t, e in live.items() if t != "SLNV"}
        assert {t: w for t, w in result.live_words.items() if t in single} == single


class TestCards:
    @pytest.mark.parametrize("name", APPENDIX)
    def test_appendix(self, name: str) -> None:
        assert passes(APPENDIX[name]).passes == APPENDIX[name].expect.passes

    @pytest.mark.parametrize("name", sorted(index()))
    def test_shipped(self, name: str) -> None:
        made = load(Cascade, name)
        assert passes(made).passes == made.expect.passes

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("linear_noncausal", {"KV": 16, "Z": 4}),  # EF + E
            ("linear_causal_recurrent", {"S": 16, "Z": 4}),
            ("gla", {"S": 16}),  # EF
            ("mamba2_ssd_recurrent", {"S": 12}),  # NF for each of the heads, which are parallel
            ("titans_lmm_linear", {"MEM": 16, "S": 16}),  # 2EF
            ("lightning_chunked", {"KVS": 16}),
            ("aaren_recurrent", {"RM": 1, "RD": 1, "RN": 4}),  # F + 2
            ("delta_chunked", {"K": 16, "S": 16}),  # EF, and the keys of one chunk
        ],
    )
    def test_states(self, name: str, words: dict[str, int]) -> None:
        result = passes(APPENDIX[name])
        assert (dict(result.live_words), result.sequence_independent) == (words, True)

    def test_latent_is_read_in_both_stages(self) -> None:
        result = passes(APPENDIX["mla_absorbed"])
        assert dict(result.per_tensor) == {"C": 2, "KR": 2}
        assert kept(result) == {"C": "M", "QK": "M"}
        assert (result.spill["C"].writes, result.spill["C"].reads) == (0, 16 * 6)

    def test_gathers_are_no_passes(self) -> None:
        landmark = passes(APPENDIX["landmark_decode"])
        assert (landmark.passes, dict(landmark.per_tensor)) == (0, {"K": 0})
        assert [(g.einsum, g.fraction) for g in landmark.gathers if g.tensor == "K"] == [("LS", "1/LB"), ("S", "T/B")]
        spatten = passes(APPENDIX["spatten_layer"])
        assert [(g.tensor, g.fraction) for g in spatten.gathers] == [("A", "T/J"), ("V", "T/J")]
        routing = passes(APPENDIX["routing_transformer"])
        assert [(g.tensor, g.fraction) for g in routing.gathers] == [("K", "J/M"), ("V", "J/M")]

    def test_importance_is_read_before_and_after_the_layer(self) -> None:
        result = passes(APPENDIX["spatten_layer"], "m")
        assert (result.passes, result.per_tensor["IMP"]) == (2, 2)
        assert ("K", "KG", "J/M") in [(g.tensor, g.einsum, g.fraction) for g in result.gathers]

    def test_the_window_does_not_grow(self) -> None:
        result = passes(load(Cascade, "sliding_window"))
        assert (result.rank, result.passes, kept(result)) == ("w", 3, {"QK": "W", "SN": "W"})
        assert result.sequence_independent
        assert not passes(load(Cascade, "sliding_window_masked")).sequence_independent

    def test_projected_keys_derive_from_the_tokens(self) -> None:
        result = passes(load(Cascade, "mha"))
        assert (dict(result.per_tensor), result.parallel) == ({"Y": 3}, ("B", "H", "P"))


class TestForms:
    def test_data_dependent_condition_forces_nothing(self) -> None:
        assert passes(load(Cascade, "mnnfast_zero_skip")).passes == 1

    def test_selection_completes_the_rank(self) -> None:
        made = cascade(
            "IX[j] = A[m] :: argtopk(m, j)\nZ[m] = A[m] * IX[0]", "{A: [M]}", seq="[m]", ranks="{M: 8, J: 2}"
        )
        assert passes(made).passes == 2

    def test_final_coordinate_of_a_running_value_completes_it(self) -> None:
        text = "R[k+1] = R[k] + A[k]\nZ[k] = A[k] * {}"
        for read, count in (("R[K]", 2), ("R[k]", 1), ("R[k+1]", 1), ("R[8]", 2)):
            assert passes(cascade(text.format(read), "{A: [K]}", seq="[k]", ranks="{K: 8}")).passes == count, read

    def test_initial_coordinate_is_there_from_the_start(self) -> None:
        text = (
            "cascade: a\nranks: {K: 8}\ninputs: {A: [K]}\noutputs: [Z]\ninit: R[0] = 1\n"
            "einsums: |\n  R[k+1] = R[k] * A[k]\n  Z[k] = A[k] * R[0]\nseq: [k]\n"
        )
        assert passes(read_cascades(text)[0]).passes == 1

    def test_scatter_completes_the_rank(self) -> None:
        made = cascade("D[IX[m]] = A[m] :: sum(m)\nZ[m] = A[m] * D[m]", "{A: [M], IX: [M]}", seq="[m]",
                       declare="{D: [M]}", ranks="{M: 8}")  # fmt: skip
        assert passes(made).passes == 2

    def test_prefix_streams(self) -> None:
        text = "S[i] = A[k] * B[i] | k < i\nZ[i] = S[i] * B[i]"
        made = cascade(text, "{A: [T], B: [T]}", seq="[i]", vars="{i: T, k: T}", ranks="{T: 8}")
        assert (passes(made).passes, dict(passes(made).per_tensor)) == (1, {"A": 1, "B": 1})

    def test_recurrence_over_another_rank_stays_inside_a_pass(self) -> None:
        # Delta rule: each step reads the state over e, then writes it: two passes over e a step, one over t.
        text = """PV[f,t] = S[e,f,t] * K[e,t]
            U[f,t] = V[f,t] - PV[f,t]
            S[e,f,t+1] = S[e,f,t] + K[e,t] * U[f,t]"""
        made = cascade(text, "{K: [E, T], V: [F, T]}", seq="[t]", ranks="{E: 4, F: 4, T: 8}")
        assert (passes(made).passes, passes(made, "e").passes, passes(made).ranks["E"]) == (1, 2, 2)

    def test_views_of_views_and_pieces_are_transparent(self) -> None:
        made = read_cascades("""
cascade: pieces
ranks: {M: 8, P: 2, NP: 2, N: NP + M, E: 2}
inputs: {Q: [E, P], K: [E, M], KP: [E, NP]}
outputs: [D]
views: |
  X[e,n] = KP[e,n] | n < NP
  X[e,NP+m] = K[e,m]
einsums: |
  S[n,p] = Q[e,p] * X[e,n]
  G[p] = S[n,p] :: max(n)
  D[p] = exp(S[n,p] - G[p])
seq: [n]
""")[0]
        assert passes(made).passes == 2

    def test_other_variables_on_the_rank_are_remarked(self) -> None:
        notes = passes(load(Cascade, "agent_attention")).notes
        assert any("V[f,p+u-1]" in n.replace(" ", "") and n.endswith("not counted") for n in notes)

    def test_a_window_ahead_is_remarked(self) -> None:
        made = cascade("Z[p] = W[u] * X[p+u-1]", "{W: [U], X: [P]}", seq="[p]", ranks="{P: 8, U: 3}")
        assert passes(made).passes == 1
        note = passes(made).notes[0]
        assert note.replace(" ", "").startswith("ZreadsX[p+u-1]:awindowofU,")

    def test_an_unknown_form_is_refused(self) -> None:
        made = cascade("Z[m] = A[m//2] * A[m]", "{A: [M]}", seq="[m]", ranks="{M: 8}")
        with pytest.raises(SpecError) as error:
            passes(made)
        place, line, caret, expected, hint = str(error.value).splitlines()
        assert place.replace(" ", "").startswith("<text>:7:12:A[m//2]movesalongrankMthroughm//2,")
        assert caret.index("^") == line.index("m//2")
        assert expected.startswith("  expected: m, m+1, m*X+y with a constant X, a prefix k <= m") and "view" in hint

    def test_an_unknown_form_on_another_rank_is_a_note(self) -> None:
        made = cascade("Z[m] = A[m,n//2] * B[n]", "{A: [M, N], B: [N]}", seq="[m]", ranks="{M: 8, N: 8}")
        result = passes(made)
        assert dict(result.ranks) == {"M": 1}
        assert result.notes[0].startswith("rank N is not analysed: A[m,n")


class TestWhichRank:
    def test_without_seq_the_rank_with_most_passes(self) -> None:
        text = "QK[m,p] = Q[e,p] * K[e,m]\nGM[p] = QK[m,p] :: max(m)\nSN[m,p] = exp(QK[m,p] - GM[p])"
        result = passes(cascade(text, "{Q: [E, P], K: [E, M]}"))
        assert (result.rank, dict(result.ranks)) == ("m", {"E": 1, "P": 1, "M": 2})
        assert (result.live["QK"], dict(result.live_words)) == ("M", {})
        assert result.notes[-1].startswith("no words: ")

    def test_without_seq_a_tie_goes_to_the_rank_that_is_reduced_most(self) -> None:
        text = "KV[e,f] = K[e,m] * V[f,m]\nZ[e] = K[e,m]"
        assert passes(cascade(text, "{K: [E, M], V: [F, M]}")).rank == "m"

    def test_without_seq_a_partition_is_found(self) -> None:
        source = load(Cascade, "attention_2pass")
        keys = {"params": "{M0: 4, M1: M//M0}", "ranks": "{P: 8, M: 16, E: 2, F: 2}"}
        text = """BQK[m1,m0,p] = Q[e,p] * K[e,m1*M0+m0]
            LM[m1,p] = BQK[m1,m0,p] :: max(m0)
            GM[p] = LM[m1,p] :: max(m1)
            D[p] = exp(BQK[m1,m0,p] - GM[p])"""
        result = passes(cascade(text, "{Q: [E, P], K: [E, M]}", **keys))
        assert (result.rank, result.passes, result.live["BQK"], result.live_words["BQK"]) == ("m", 2, "M", 16)
        assert passes(source, "M") == passes(source) == passes(source, "m")

    def test_names(self) -> None:
        made = load(Cascade, "attention_1pass")
        assert [passes(made, r).rank for r in ("m", "M", "m1", "M0", "p", "P", "e")] == [*"mmm", "m0", *"ppe"]
        assert passes(APPENDIX["lightning_chunked"]).rank == "t"
        assert passes(APPENDIX["landmark_decode"]).rank == "b"

    def test_unknown(self) -> None:
        with pytest.raises(SpecError, match="no Einsum of attention_3pass runs over X"):
            passes(load(Cascade, "attention_3pass"), "X")

    def test_nothing_to_analyse(self) -> None:
        with pytest.raises(SpecError, match="has no rank to analyse"):
            passes(cascade("Z[] = A[]", "{A: []}"))


class TestResult:
    def test_json(self) -> None:
        found = passes(load(Cascade, "attention_1pass")).as_json()
        assert list(found)[:6] == ["cascade", "rank", "passes", "per_tensor", "live_words", "sequence_independent"]
        assert found["per_tensor"] == {"K": 1, "V": 1} and found["sequence_independent"] is True

    def test_explanation(self) -> None:
        assert explain(passes(load(Cascade, "attention_3pass"))) == [
            "3 passes over m, whatever the mapping: K 3, V 1",
            "pass 2: GM needs all of QK before SN reads QK again (QK -> GM -> SN)",
            "pass 3: SD needs all of SN before A reads SN again (SN -> SD -> A)",
            "QK keeps M: revisited; 1,024 words, or else 1,024 written and 1,024 read",
            "SN keeps M: revisited; 1,024 words, or else 1,024 written and 1,024 read",
            "GM, SD, AV keep one element along m: reduction; 66 words",
            "words are for one fiber of P",
            "what must be held grows with the sequence",
        ]

    def test_explanation_of_what_is_handed_over(self) -> None:
        lines = explain(passes(load(Cascade, "attention_2pass")))
        assert "pass 2: GM needs all of LM before SN reads SLN, made from K, (BQK -> LM -> GM -> CF -> SN)" in lines
        assert "SLN keeps M: handed over; 1,024 words, or else 1,024 written and 1,024 read" in lines

    def test_an_input_is_read_again_rather_than_written(self) -> None:
        result = passes(EXAMPLES["layernorm"], sizes={"K": 100})
        assert (result.spill["X"].writes, result.spill["X"].reads) == (0, 200)

    def test_words_follow_the_sizes_exactly(self) -> None:
        sizes = {"M": 10**20 + 1, "M0": 10**6}
        result = passes(load(Cascade, "attention_2pass"), sizes=sizes)
        assert (result.live_words["SLN"], result.live_words["LM"]) == (10**20 + 1, 10**14 + 1)
