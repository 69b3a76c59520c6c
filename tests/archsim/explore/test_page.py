"""The page of a report: what its data say, that no text of a user breaks it, and that a browser shows it offline."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import duckdb
import pytest

from archsim.explore.page import page
from archsim.explore.results import open_results
from einsum_cascade.errors import SpecError
from tests.stores import OBJECTIVES, STUDY, random_store, store, swept

pytest.importorskip("plotly")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return swept(tmp_path_factory.mktemp("sweep"))


def written(file: Path, **options: int) -> str:
    with open_results(file) as results:
        return page(results, file.parent, **options)


def data(text: str) -> dict:
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', text, flags=re.S)
    return json.loads(found)


@pytest.fixture(scope="module")
def text(file: Path) -> str:
    return written(file, details=8)


def column(found: dict, name: str) -> list:
    values = found["points"][name]
    return [values["values"][c] for c in values["codes"]] if isinstance(values, dict) else values


def test_every_point_of_a_small_sweep(text: str, file: Path) -> None:
    found = data(text)
    with duckdb.connect(str(file), read_only=True) as connection:
        rows = connection.execute("SELECT point, workload, latency_s, feasible FROM points ORDER BY point").fetchall()
        front = {p for (p,) in connection.execute("SELECT point FROM front").fetchall()}
    assert column(found, "point") == [r[0] for r in rows]
    assert column(found, "workload") == [r[1] for r in rows]
    assert column(found, "latency_s") == [pytest.approx(r[2], rel=1e-5) for r in rows]
    assert column(found, "feasible") == [r[3] for r in rows]
    assert {p for p, f in zip(column(found, "point"), column(found, "front"), strict=True) if f} == front
    assert found["counts"] == {"front": len(front)}


def test_tables(text: str, file: Path) -> None:
    found = data(text)
    with duckdb.connect(str(file), read_only=True) as connection:
        ask = lambda sql: connection.execute(sql).fetchall()  # noqa: E731
        reasons = ask("SELECT reason, count(*) n FROM points WHERE NOT feasible GROUP BY 1 ORDER BY n DESC, 1")
        least = ask(
            "SELECT workload, sequence_length, min(energy_j) FROM points WHERE feasible GROUP BY ALL ORDER BY ALL"
        )
    assert [tuple(r) for r in found["reasons"]] == reasons and reasons
    assert found["best"]["groups"] == ["workload", "sequence_length"]
    energies = [r["row"] for r in found["best"]["rows"] if r["objective"] == "energy_j"]
    assert [(r["workload"], r["sequence_length"], r["energy_j"]) for r in energies] == least
    assert len(found["best"]["rows"]) == 3 * len(least)


def test_details(text: str) -> None:
    found = data(text)
    assert len(found["details"]) == 8 and found["details_note"] == ""
    energy = dict(zip(column(found, "point"), column(found, "energy_j"), strict=True))
    for d in found["details"]:
        assert sum(d["energy"].values()) == pytest.approx(energy[d["point"]], rel=1e-4)
        assert d["work"] / d["latency"] <= d["peak"] * (1 + 1e-5)


def test_how_to_reproduce(text: str, file: Path) -> None:
    found = data(text)
    assert found["yaml"].strip() == STUDY.strip()
    assert "archsim sweep small.yaml -o small.duckdb" in found["commands"][1]
    assert "design/fusemax" in found["documents"] and all(len(h) == 64 for h in found["documents"].values())
    assert dict(map(tuple, found["versions"])).keys() == {"archsim", "study, SHA-256", "started", "finished"}


def test_text_of_a_user_stays_text(text: str) -> None:
    """The description holds the end of a script and tags: they are data, and the page has the scripts that it had."""
    assert text.count("</script>") == 3 and "its </script> front" not in text
    assert data(text)["description"] == "a small <b>space</b> & its </script> front"


def test_nothing_is_fetched(text: str) -> None:
    ours = re.sub(r"<script>.*?</script>", "", text, count=1, flags=re.S)  # without plotly's own source
    assert "plotly.js" not in ours and "http" not in re.sub(r"http-equiv", "", ours)
    assert "default-src 'none'" in ours and not re.search(r"<(link|img|iframe)\b|\bsrc=", ours)


def test_a_large_sweep_is_a_bounded_page(tmp_path: Path) -> None:
    file = random_store(tmp_path / "r.duckdb", 60_000)
    with duckdb.connect(str(file)) as connection:
        connection.execute("INSERT INTO front SELECT point FROM points WHERE feasible AND latency_s < 0.0012")
        (front,) = connection.execute("SELECT count(*) FROM front").fetchone()
    assert front > 100
    found = data(written(file, points=500))
    assert sum(column(found, "front")) == front and len(column(found, "point")) <= front + 500 + 100
    assert "a sample that covers the space" in found["scope"] and "all of the Pareto front" in found["scope"]
    assert found["details"] == [] and "would not give the stored numbers" in found["details_note"]
    few = data(written(file, points=50))
    assert sum(column(few, "front")) >= 50 and len(column(few, "point")) <= 50 + 50 + 10
    assert f"50 of the {front:,} points of the Pareto front" in few["scope"]


def test_no_front_and_no_objectives(tmp_path: Path) -> None:
    file = random_store(tmp_path / "r.duckdb", 100)
    with duckdb.connect(str(file)) as connection:
        connection.execute("UPDATE points SET feasible = FALSE")
    found = data(written(file))
    assert found["counts"] == {"front": 0} and len(column(found, "point")) == 100 and found["best"]["rows"] == []


def test_without_plotly(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "plotly.offline", None)
    with pytest.raises(SpecError, match=r"this needs plotly\n.*archsim\[report\]"):
        written(file)


# --- in a browser -----------------------------------------------------------------------------------------------------

CHROMIUM = next((c for c in ("chromium", "chromium-browser", "google-chrome") if shutil.which(c)), "")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=8000",
         "--enable-logging=stderr", "--window-size=1440,2600"]  # fmt: skip


def browse(target: Path, tmp_path: Path, *arguments: str) -> tuple[str, str]:
    if not CHROMIUM:
        pytest.skip("no Chromium here")
    command = [CHROMIUM, *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", *arguments, target.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    return re.sub(r"<script.*?</script>", "", done.stdout, flags=re.S), done.stderr


@pytest.fixture(scope="module")
def shown(text: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("browser")
    target = folder / "report.html"
    target.write_text(text, encoding="utf-8")
    return browse(target, folder, "--dump-dom")


def test_a_browser_draws_it(shown: tuple[str, str], text: str) -> None:
    dom, _ = shown
    found = data(text)
    assert re.search(r'<body[^>]*data-ready="yes"', dom)
    assert f'data-drawn="{sum(column(found, "feasible"))}"' in dom
    rows = re.search(r'<table id="fronttable">(.*?)</table>', dom, flags=re.S)
    assert rows and rows[1].count("<tr") == 1 + found["counts"]["front"]
    reasons = re.search(r'<table id="reasontable">(.*?)</table>', dom, flags=re.S)
    assert reasons and found["reasons"][0][0] in html.unescape(reasons[1])
    assert dom.count('class="main-svg"') >= 3, "three plots"
    assert "WebGL is not supported" not in dom
    assert "a small &lt;b&gt;space&lt;/b&gt; &amp; its &lt;/script&gt; front" in dom


def test_a_browser_without_webgl(text: str, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    target.write_text(text, encoding="utf-8")
    dom, _ = browse(target, tmp_path, "--disable-3d-apis", "--dump-dom")
    assert "WebGL is not supported" not in dom and len(re.findall(r'<path class="point', dom)) >= 264


def test_a_browser_asks_no_network(shown: tuple[str, str]) -> None:
    dom, log = shown
    assert 'data-requests="0"' in dom
    assert "Content Security Policy" not in log and "Refused to" not in log, log
    assert "Uncaught" not in log, log
    buttons = set(re.findall(r'data-title="([^"]*)"', dom))
    assert buttons == {"Download plot as a PNG", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes"}


def test_a_screenshot_shows_points(text: str, tmp_path: Path) -> None:
    """The picture has the colours of the palette: the plots are drawn, not only there."""
    from matplotlib.image import imread

    target, picture = tmp_path / "report.html", tmp_path / "shot.png"
    target.write_text(text, encoding="utf-8")
    browse(target, tmp_path, f"--screenshot={picture}")
    pixels = (imread(picture)[..., :3] * 255).round()
    for colour in ((0xCC, 0x33, 0x11), (0x33, 0x22, 0x88)):
        assert (abs(pixels - colour).sum(axis=-1) < 40).sum() > 100


@pytest.mark.parametrize(
    ("columns", "drawn"),
    [
        ({"latency_s": [2.0]}, 1),
        ({"latency_s": [None, 3.0], "feasible": [False] * 2, "reason": ["too small", "no sense"]}, 2),
        ({**{n: [None, None] for n in (*OBJECTIVES, "dram_traffic_bytes", "utilization_array_2d", "sequence_length",
                                       "SIDE", "CAPACITY")}, "feasible": [False] * 2}, 2),
        ({"latency_s": [5.0] * 3, "energy_j": [0.0] * 3}, 3),
    ],
    ids=["one point", "infeasible points alone", "no number at all", "constants"],
)  # fmt: skip
def test_a_browser_draws_little(tmp_path: Path, columns: dict[str, list[object]], drawn: int) -> None:
    target = tmp_path / "report.html"
    target.write_text(written(store(tmp_path / "s.duckdb", columns)), encoding="utf-8")
    dom, log = browse(target, tmp_path, "--dump-dom")
    assert "Uncaught" not in log, log
    assert re.search(r'<body[^>]*data-ready="yes"', dom) and f'data-drawn="{drawn}"' in dom
