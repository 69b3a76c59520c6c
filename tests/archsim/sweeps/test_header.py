"""What differs between two sweeps, in words; through a file of results see test_store.py."""

from dataclasses import replace

import pytest

from archsim.sweeps.header import SHOWN, Header, changes_of, listed

YAML = "sweep: s\ndocuments: {mapping: unfused, workload: bert}\naxes: {workload.batch: [1, 8], workload.heads: [4]}\n"
HEADER = Header(
    name="s", description="", yaml=YAML, digest="a", version="1.0", documents={"workload/bert": "0f"}, columns="[]",
    objectives=["latency_s"], per=[], total=2, chunk_points=1, command="archsim sweep",
)  # fmt: skip


def changes(**new: object) -> list[str]:
    return list(changes_of(HEADER, replace(HEADER, digest="b", **new)))  # type: ignore[arg-type]


def test_the_same_digest_is_the_same_sweep() -> None:
    assert not list(changes_of(HEADER, replace(HEADER, version="2.0")))


@pytest.mark.parametrize(
    ("new", "message"),
    [
        ({"version": "2.0"}, "archsim was 1.0, is 2.0"),
        ({"documents": {"workload/bert": "1f"}}, "workload/bert has changed"),
        ({"documents": {}}, "workload/bert is gone"),
        ({"documents": {"workload/bert": "0f", "workload/t5": "2f"}}, "workload/t5 is new"),
        ({"yaml": YAML.replace("[1, 8]", "[1, 9]")}, "axes.workload.batch was [1, 8], is [1, 9]"),
        ({"yaml": YAML + "keep: front\n"}, "keep is new"),
        ({"yaml": YAML.replace(", workload.heads: [4]", "")}, "axes.workload.heads is gone"),
        ({"yaml": "description: other\n" + YAML}, None),
    ],
)
def test_changes(new: dict[str, object], message: str | None) -> None:
    assert changes(**new) == ([message] if message else [])


def test_the_order_of_axes_counts() -> None:
    text = YAML.replace(
        "{workload.batch: [1, 8], workload.heads: [4]}", "{workload.heads: [4], workload.batch: [1, 8]}"
    )
    assert changes(yaml=text) == ["the order of axes was workload.batch, workload.heads"]


def test_of_many_changes_the_first_are_listed() -> None:
    assert listed(["a", "b"]) == "a; b"
    assert listed([str(i) for i in range(SHOWN + 2)]).endswith("; and 2 more")
