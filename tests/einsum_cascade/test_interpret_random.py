"""Random small cascades: the interpreter and the brute-force oracle agree on every value and every present point.

Values are small whole numbers and all operators exact, so that ties and thresholds fall the same way in both.
"""

from dataclasses import dataclass, field

import numpy as np
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from einsum_cascade import SpecError, read_cascades
from tests.einsum_cascade.appendix_references import Arrays
from tests.einsum_cascade.test_interpret import assert_as_oracle

RANKS = "IJK"
COMPARE = ("<=", "<", ">", "==", "!=")
SELECT = ("argtopk({0}, {1})", "argtopk({0}, {1}, byindex)", "argsort({0}, {1})", "argmax({0})")
Draw = st.DrawFn


@dataclass
class Writer:
    """Writes the lines of a cascade over tensors that exist so far: name -> ranks."""

    draw: Draw
    tensors: dict[str, str] = field(default_factory=lambda: {"A": "IJ", "B": "JK", "C": "K", "D": "II"})
    indices: dict[str, tuple[str, str]] = field(default_factory=dict)
    lines: list[str] = field(default_factory=list)
    init: list[str] = field(default_factory=list)
    views: list[str] = field(default_factory=list)

    def index(self, rank: str) -> str:
        v, kind = rank.lower(), self.draw(st.integers(0, 13))
        other = self.draw(st.sampled_from("ijk"))
        special = {0: f"{v}-1", 1: f"{v}+1", 2: str(self.draw(st.integers(0, 2))), 3: f"{rank}-1-{v}",
                   4: f"2*{v}", 5: f"{v}-{other}", 6: f"{v}//2", 7: other}  # fmt: skip
        if kind == 8 and self.indices:
            name = self.draw(st.sampled_from(sorted(self.indices)))
            if self.indices[name][1] == rank:
                return f"{name}[{','.join(self.index_of(r) for r in self.indices[name][0])}]"
        return special.get(kind, v)

    def index_of(self, rank: str) -> str:
        return rank.lower()

    def access(self) -> str:
        name = self.draw(st.sampled_from(sorted(self.tensors)))
        return f"{name}[{','.join(self.index(r) for r in self.tensors[name])}]"

    def expression(self, depth: int = 0) -> str:
        kind = self.draw(st.integers(0, 11))
        if kind < 4 or depth > 2:
            return self.access()
        if kind == 4:
            return self.draw(st.sampled_from(("2", "-3", "i", "j", "I")))
        left, right = self.expression(depth + 1), self.expression(depth + 1)
        if kind < 8:
            return f"{left} * {right}" if depth == 0 else f"({left} * {right})"
        form = {8: "({} + {})", 9: "({} - {})", 10: "max({}, {})", 11: "where({} > 1, {}, 2)"}[kind]
        return form.format(left, right)

    def conditions(self) -> list[str]:
        def one() -> str:
            a, b = (self.draw(st.sampled_from(("i", "j", "k", "i+j", "2", "j%2", "k//2", "I-1"))) for _ in range(2))
            if self.draw(st.integers(0, 3)) == 0:
                a = self.access()
            return f"{a} {self.draw(st.sampled_from(COMPARE))} {b}"

        return [one() for _ in range(self.draw(st.sampled_from((0, 0, 0, 1, 1, 2))))]

    def statement(self, name: str) -> None:
        kind = self.draw(st.integers(0, 9))
        {6: self.running, 7: self.selection, 8: self.scatter, 9: self.pieces}.get(kind, self.plain)(name)

    def plain(self, name: str, expression: str = "") -> None:
        expression = expression or self.expression()
        cond = self.conditions()
        used = [v for v in "ijk" if v in (expression + " ".join(cond)).replace("// ", "").replace("where", "")]
        kept = self.draw(st.permutations([v for v in used if self.draw(st.booleans())]))
        gone = [v for v in used if v not in kept]
        stated = [f"{self.draw(st.sampled_from(('sum', 'max', 'min')))}({v})"
                  for v in self.draw(st.permutations(gone)) if self.draw(st.booleans())]  # fmt: skip
        self.write(f"{name}[{','.join(kept)}] = {expression}", stated, cond)
        self.tensors[name] = "".join(kept).upper()

    def write(self, text: str, reductions: list[str], conditions: list[str]) -> None:
        self.lines.append(text + (" :: " + ", ".join(reductions) if reductions else "")
                          + (" | " + " and ".join(conditions) if conditions else ""))  # fmt: skip

    def running(self, name: str) -> None:
        form = self.draw(st.sampled_from((
            "{r}[i+1,j] = {r}[i,j] + {x}", "{r}[i+1,j] = max({r}[i,j], {x})", "{r}[i+1,j] = {x} - {r}[i,j] * {y}",
            "{r}[i,j] = {x} + {r}[i-1,j] * {y}", "{r}[i,j] = {x} - {y} * {r}[k,j]",
        )))  # fmt: skip
        x, y = self.access().replace("k", "j"), self.access().replace("k", "i")
        cond = [] if self.draw(st.booleans()) else [self.draw(st.sampled_from(("j < 2", "i > 0", "i <= j")))]
        if "[k,j]" in form:
            cond.append("k < i")
        self.write(form.format(r=name, x=x, y=y), [], cond)
        if "i+1" in form and self.draw(st.booleans()):
            self.init.append(f"{name}[0,j] = {self.draw(st.sampled_from(('0', '-inf', 'j')))}")
        self.tensors[name] = "IJ"
        if self.draw(st.booleans()):
            read = self.draw(st.sampled_from(("{r}[i+1,j]", "{r}[i,j] - {r}[i-1,j]", "{r}[I,j]", "{r}[j,i]")))
            self.write(f"{name}R[i,j] = {read.format(r=name)} * {self.access().replace('k', 'j')}", [], [])
            self.tensors[f"{name}R"] = "IJ"

    def selection(self, name: str) -> None:
        over, into = self.draw(st.permutations("ijk"))[:2]
        kind = self.draw(st.sampled_from(SELECT))
        expression = f"{self.expression()} * {self.draw(st.sampled_from(('A[i,j]', 'B[j,k]', 'D[j,k]', 'D[k,i]')))}"
        expression = expression.replace(into, self.draw(st.sampled_from([v for v in "ijk" if v != into])))
        expression = expression if over in expression.replace("where", "") else f"{over} - {expression}"
        cond = [c for c in self.conditions() if into not in c]
        rest = [v for v in "ijk" if v in expression.replace("where", "") + " ".join(cond) and v not in (over, into)]
        kept = rest + ([into] if "{1}" in kind else [])
        self.write(f"{name}[{','.join(kept)}] = {expression}", [kind.format(over, into)], cond)
        self.indices[name] = ("".join(kept).upper(), over.upper())

    def scatter(self, name: str) -> None:
        full = [name for name, (ranks, _) in self.indices.items() if ranks]
        if not full:
            return self.selection(name)
        table = self.draw(st.sampled_from(full))
        ranks, onto = self.indices[table]
        inner = ",".join(r.lower() for r in ranks)
        operator = self.draw(st.sampled_from(("sum", "max", "min", "prod")))
        variable = self.draw(st.sampled_from(ranks)).lower()
        self.write(f"{name}[{table}[{inner}]] = {self.access()}", [f"{operator}({variable})"], [])
        self.tensors[name] = onto

    def pieces(self, name: str) -> None:
        first, second = self.access(), self.expression()
        for text, sign in ((first, "<="), (second, ">")):
            self.write(f"{name}[i,j] = {text}", [], [f"i {sign} j"])
        self.tensors[name] = "IJ"


@st.composite
def cascades(draw: Draw) -> tuple[str, Arrays]:
    writer = Writer(draw)
    if draw(st.booleans()):
        writer.views.append(draw(st.sampled_from(("W[j,i] = A[i,j]", "W[i,j] = A[i,j+1]", "W[i,j] = 2 ** j | i < j"))))
        writer.tensors["W"] = "JI" if "[j,i]" in writer.views[0] else "IJ"
    for n in range(draw(st.integers(2, 4))):
        writer.statement(f"X{n}")
    sizes = {r: draw(st.integers(1, 4)) for r in RANKS}
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    ranks = {"A": "IJ", "B": "JK", "C": "K", "D": "II"}
    tensors = {n: rng.integers(-3, 4, size=[sizes[r] for r in rs]).astype(float) for n, rs in ranks.items()}
    names = [line.split("[")[0] for line in writer.lines]
    text = "cascade: random\ninputs: {A: [I, J], B: [J, K], C: [K], D: [I, I]}\n" + f"outputs: [{names[-1]}]\n"
    for key, lines in (("views", writer.views), ("init", writer.init), ("einsums", writer.lines)):
        if lines:
            text += f"{key}: |\n" + "".join(f"  {line}\n" for line in lines)
    return text, tensors


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(cascades())
def test_random_cascades_equal_the_oracle(given: tuple[str, Arrays]) -> None:
    text, tensors = given
    try:
        c = read_cascades(text)[0]
    except SpecError as error:
        event(error.diagnostics[0].message[:40])
        assume(False)
    event("ran")
    with np.errstate(all="ignore"):
        assert_as_oracle(c, tensors, 1e-12)
