"""`--set`: what it says, where it may point, whom it blames; and the documents that it changes."""

from pathlib import Path

import pytest

from archsim.documents import documents
from archsim.library import names
from archsim.setting import Setting, applicable, blamed, parameters, parse
from archsim.value import evaluate
from einsum_cascade.errors import Diagnostic, SpecError


def refused(text: str) -> str:
    with pytest.raises(SpecError) as caught:
        parse(text)
    return str(caught.value)


def unreachable(kind: str, name: str, *texts: str) -> str:
    with pytest.raises(SpecError) as caught:
        applicable(kind, name, [parse(t) for t in texts])
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "kind", "path", "value"),
    [
        ("workload.heads=12", "workload", "heads", 12),
        ("workload.word_bits=4.5", "workload", "word_bits", 4.5),
        ("design.clock=1 GHz", "design", "clock", "1 GHz"),
        (" design.clock = 1 GHz", "design", "clock", "1 GHz"),
        ("design.memories.dram.bandwidth=null", "design", "memories.dram.bandwidth", None),
        ("mapping.groups.a.loops=[b, h]", "mapping", "groups.a.loops", ["b", "h"]),
        ("mapping.groups.a.keep={buffer: {Q: p2}}", "mapping", "groups.a.keep", {"buffer": {"Q": "p2"}}),
        ("mapping.parameters.P1='2 * 3'", "mapping", "parameters.P1", "2 * 3"),
        ("mapping.parameters.P1=a=b", "mapping", "parameters.P1", "a=b"),
        ("cascade.ranks.L=2*128", "cascade", "ranks.L", "2*128"),
    ],
)
def test_what_a_setting_says(text: str, kind: str, path: str, value: object) -> None:
    found = parse(text)
    assert (found.kind, found.path, found.value, found.text) == (kind, path, value, text)
    assert ".".join(found.keys) == path


def test_its_places_point_into_its_own_text() -> None:
    found = parse("design.clock=1 GHz")
    for place, stretch in ((found.place, "clock"), (found.value_place, "1 GHz")):
        assert place.text[place.column - 1 : place.column - 1 + place.length] == stretch
        assert place.file == "--set"
    assert evaluate(parse("cascade.ranks.L=M // 4").expression(), {"M": 12}) == 3
    with pytest.raises(SpecError, match=r"--set:1:21: unexpected end of line"):
        parse("cascade.ranks.L=M //").expression()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "unknown document nothing\n  expected: document.path=value, such as workload.head_dim=96\n"
             "  hint: known: cascade, design, mapping, workload"),
        ("heads=3", "unknown document heads"),
        ("wrkload.heads=3", "hint: did you mean workload?"),
        ("workload=3", "this sets nothing"),
        ("workload.=3", "this sets nothing"),
        ("workload..heads=3", "this sets nothing"),
        ("workload.heads=", "this sets nothing"),
        ("workload.heads=  ", "this sets nothing"),
        ("workload.heads", "this sets nothing"),
        ("workload.heads=inf", "--set:1:16: inf is not a finite number\n    workload.heads=inf\n                   ^^^"),  # noqa: E501
        ("workload.heads=.nan", "nan is not a finite number"),
        ("workload.heads=1e999", "1e999 is not a finite number"),
        ("workload.heads={a", "{a is not a value: this is not YAML"),
        ("workload.heads=a: b", "a: b is not a value: "),
        ("workload.heads=1\n---\n2", "is not a value: more than one value"),
    ],
)  # fmt: skip
def test_what_is_no_setting(text: str, expected: str) -> None:
    found = refused(text)
    assert found.startswith("--set:1:") and expected in found


def test_what_settings_change() -> None:
    assert applicable("mapping", "fusemax_binding", [parse("mapping.parameters.P1=4")]) == {"parameters.P1": 4}
    assert applicable("mapping", "fusemax_binding", [parse("mapping.parameters.M0=4")]) == {"parameters.M0": 4}
    assert applicable("workload", "bert", []) == {}


@pytest.mark.parametrize(
    ("kind", "name", "text", "expected"),
    [
        ("workload", "bert", "workload.hedas=1", "--set:1:10: workload bert has no hedas\n    workload.hedas=1\n"
         "             ^^^^^\n  hint: did you mean heads"),
        ("workload", "bert", "workload.heads.x=1", "heads of workload bert is 12, it has no x"),
        ("mapping", "flat", "mapping.groups.attention.loops.0=b", "groups.attention.loops of mapping flat is a list, it"),  # noqa: E501
        ("mapping", "flat", "mapping.choices.qq=weight", "mapping flat has no qq in choices"),
        ("mapping", "flat", "mapping.groups.atention.spill=error", "hint: did you mean attention?"),
        ("design", "fusemax", "design.memories.l2.capacity=1 MiB", "design fusemax has no l2 in memories\n"),
        ("design", "fusemax", "design.parameters.SIDES=3", "hint: did you mean SIDE"),
        ("design", "fusemax", "design.arrays.array_2d.operatons.mul=mac", "hint: did you mean operations?"),
    ],
)  # fmt: skip
def test_where_no_setting_may_point(kind: str, name: str, text: str, expected: str) -> None:
    assert expected in unreachable(kind, name, text)


def test_all_wrong_settings_come_at_once() -> None:
    found = unreachable("workload", "bert", "workload.a=1", "workload.heads=2", "workload.b=1")
    assert found.count("has no") == 2


def test_free_keys_may_be_new() -> None:
    text = "design.arrays.array_2d.operations.sub+exp=mac"
    assert applicable("design", "fusemax", [parse(text)]) == {"arrays.array_2d.operations.sub+exp": "mac"}
    assert applicable("workload", "bert", [parse("workload.ranks.L=3")]) == {"ranks.L": 3}


def test_parameters_are_those_that_are_numbers() -> None:
    found = [parse(t) for t in ("mapping.parameters.P1=4", "mapping.parameters.M0='SIDE'", "mapping.spill=3")]
    assert parameters(found) == {"P1": 4}
    for wrong in ("0", "-1", "-0.5"):
        with pytest.raises(SpecError) as caught:
            parameters([parse(f"mapping.parameters.P1={wrong}")])
        assert str(caught.value).startswith(f"--set:1:23: P1 is {wrong}\n")
        assert str(caught.value).endswith("expected: a positive number")


def test_blame_goes_to_the_setting_only_where_its_value_stands() -> None:
    setting = parse("design.clock=1 GB")
    document = names("design")["fusemax"]
    from archsim.library import find

    place = find("design", "fusemax").place("clock")
    with pytest.raises(SpecError) as caught, blamed("design", "fusemax", [setting]):
        raise SpecError(
            [Diagnostic(place=place, message="wrong"), Diagnostic(place=document and place, message="wrong")]
        )
    assert str(caught.value) == "--set:1:14: wrong\n    design.clock=1 GB\n                 ^^^^"
    other = find("design", "fusemax").place("energy")
    with pytest.raises(SpecError) as caught, blamed("design", "fusemax", [setting]):
        raise SpecError([Diagnostic(place=other, message="elsewhere")])
    assert caught.value.diagnostics[0].place == other


# --- the four documents -----------------------------------------------------------------------------------------------


def four(*texts: str, **given: str) -> object:
    given = {"mapping": "fusemax_binding", "workload": "bert", **given}
    return documents(**given, settings=[parse(t) for t in texts])


def test_defaults_come_from_the_mapping() -> None:
    assert four().names() == {
        "cascade": "attention_1pass", "workload": "bert", "mapping": "fusemax_binding", "design": "fusemax",
    }  # fmt: skip
    assert four(design="flat_cloud", cascade="attention_fa1").names()["design"] == "flat_cloud"


def test_lengths_give_way_to_settings() -> None:
    found = documents(mapping="flat", workload="bert", lengths={"sequence_length": 8}, settings=[
        parse("workload.sequence_length=16")])  # fmt: skip
    assert found.workload.sequence_length == 16


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "cascade.ranks.M=4",
            "ranks.M has no effect: the workload gives M\n    cascade.ranks.M=4\n            ^^^^^^^\n"
            "  hint: set workload.sequence_length",
        ),
        ("cascade.params.M0=4", "params.M0 has no effect: the mapping gives M0"),
        ("cascade.ranks.Q=4", "attention_1pass has no ranks.Q\n"),
        ("cascade.seq=4", "attention_1pass has no seq\n"),
        ("workload.ranks.L=3", "attention_1pass has no rank L\n"),
        ("design.clock=3 GB", "--set:1:14: 3 GB is in bytes"),
        ("mapping.groups.attention.schedule=fast", "--set:1:35: unknown schedule fast"),
        ("design.parameters.SIDE=-2", "--set:1:24: SIDE is -2"),
    ],
)
def test_settings_without_effect_or_sense(text: str, expected: str) -> None:
    with pytest.raises(SpecError) as caught:
        four(text)
    assert expected in str(caught.value)


def test_a_mapping_names_files_beside_itself(tmp_path: Path) -> None:
    text = names("mapping")["fusemax_binding"].read_text().replace("design: fusemax", "design: mine.yaml")
    (tmp_path / "m.yaml").write_text(text)
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        four(mapping=str(tmp_path / "m.yaml"))
    (tmp_path / "mine.yaml").write_text(names("design")["fusemax"].read_text().replace("SIDE: 256", "SIDE: 8"))
    assert four(mapping=str(tmp_path / "m.yaml")).design.parameters["SIDE"] == 8


def test_what_is_pinned() -> None:
    found = documents(mapping="flat", workload="bert", settings=[parse("mapping.choices.qk=weight")])
    assert (found.mapping.pinned, found.mapping.choices["qk"]) == (frozenset(["qk"]), "weight")


def test_a_setting_is_a_value() -> None:
    assert parse("workload.heads=3") == Setting(kind="workload", path="heads", value=3, text="workload.heads=3")
