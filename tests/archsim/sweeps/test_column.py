"""Columns: names that tell paths apart, and what the results say about them comes back."""

from hypothesis import given
from hypothesis import strategies as st

from archsim.sweeps.column import OUTPUTS, VERDICTS, Column, column_names, columns_json, comes_out, described

PATHS = st.lists(
    st.lists(st.sampled_from(["a", "A", "capacity", "point", "latency_s", "utilization_x", "reason"]), min_size=1,
             max_size=3).map(lambda parts: ".".join(["design", *parts])),
    unique=True,
)  # fmt: skip


@given(paths=PATHS)
def test_names_tell_apart_and_are_no_outputs(paths: list[str]) -> None:
    names = column_names(paths)
    assert list(names) == paths
    for path, name in names.items():
        assert path.replace(".", "_").endswith(name)
        assert not comes_out(name.lower()) and name.lower() != "point"
    longest = {p.replace(".", "_").lower() for p in paths}
    if len(longest) == len(paths):
        assert len({n.lower() for n in names.values()}) == len(paths)


def test_what_is_written_is_read() -> None:
    columns = [
        Column(name="capacity", role="input", path="design.parameters.capacity", unit="B", label="capacity"),
        *(Column(name=n, role="output", unit=unit, label=label) for n, (unit, label) in OUTPUTS.items()),
        *(Column(name=n, role="verdict", label=label, numeric=False) for n, label in VERDICTS.items()),
    ]
    found = described(columns_json(columns), {c.name: c.numeric for c in columns} | {"mine": True})
    assert [found[c.name] for c in columns] == columns
    assert found["mine"] == Column(name="mine", role="output") and described("", {}) == {}


def test_titles() -> None:
    titles = [Column(name="n", role="input", label=a, unit=b).title for a, b in (("", ""), ("a b", ""), ("", "s"))]
    assert titles == ["n", "a b", "n [s]"]
