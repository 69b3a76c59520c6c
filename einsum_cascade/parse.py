"""`"QK[m,p] = Q[e,p] * K[e,m] | m <= p"` -> Einsum, by recursive descent; errors carry a caret.

The grammar, one statement a line (or several separated by `;`):

    stmt   := access "=" expr [ "::" reduce {"," reduce} ] [ "|" cond {"and" cond} ]
    access := NAME "[" [ index {"," index} ] "]"
    expr   := + - * / // % ** over accesses, variables, numbers, constants, f(expr, ...); comparisons inside where(...)
    reduce := sum(v) | max(v) | min(v) | prod(v) | argmax(v) | argtopk(v, j [, byindex]) | argsort(v, n)
    cond   := expr (<= | < | >= | > | == | !=) expr {...}
"""

from collections.abc import Mapping
from typing import NoReturn

from einsum_cascade.einsum import (
    Access,
    Apply,
    Attend,
    Condition,
    Constant,
    Einsum,
    Expression,
    Number,
    Reduction,
    Variable,
)
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.lex import Token, scaled, tokenize
from einsum_cascade.operators import FUNCTIONS, OPERATORS, REDUCTIONS

COMPARISONS = {"<=": "le", "<": "lt", ">=": "ge", ">": "gt", "==": "eq", "!=": "ne"}
SUMS = {"+": "add", "-": "sub"}
PRODUCTS = {"*": "mul", "/": "div", "//": "floordiv", "%": "mod"}


class Parser:
    """A cursor over the tokens of one line."""

    def __init__(self, tokens: list[Token]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def token(self) -> Token:
        """The token under the cursor."""
        return self.tokens[self.at]

    def take(self, text: str) -> bool:
        """Step over `text` if it stands here."""
        found = self.token.text == text and self.token.kind != "end"
        self.at += found
        return found

    def need(self, text: str, where: str, hint: str = "") -> None:
        """Step over `text` or fail."""
        if not self.take(text):
            self.fail(f"`{text}` {where}", hint)

    def fail(self, expected: str, hint: str = "", token: Token | None = None, message: str = "") -> NoReturn:
        """Raise a SpecError at `token`, by default the one under the cursor."""
        token = token or self.token
        message = message or ("unexpected end of line" if token.kind == "end" else f"unexpected {token.text}")
        raise SpecError([Diagnostic(place=token.place, message=message, expected=expected, hint=hint)])

    def since(self, start: int) -> Place:
        """Return the place from token `start` up to the token before the cursor."""
        first, last = self.tokens[start].place, self.tokens[max(start, self.at - 1)].place
        length = last.column + last.length - first.column
        return Place(file=first.file, line=first.line, column=first.column, length=length, text=first.text)

    def statement(self) -> Einsum:
        """stmt"""
        start = self.at
        if self.token.kind != "upper":
            self.fail("a tensor to be defined, such as QK[m,p] (tensor names start with an upper-case letter)")
        target = self.access()
        hint = "a definition has a single `=`" if self.token.text == "==" else ""
        self.need("=", "after the tensor that is defined", hint)
        expression = self.expression()
        reductions: list[Reduction] = []
        conditions: list[Condition] = []
        if self.take("::"):
            reductions.append(self.reduction())
            while self.take(","):
                reductions.append(self.reduction())
        elif self.token.text == ":":
            self.fail("`::` before a reduction", "write :: max(m)")
        if self.take("|"):
            conditions += self.condition()
            while self.take("and"):
                conditions += self.condition()
            if self.token.text in ("or", "|"):
                hint = "an `or` is a piecewise definition: write two statements with disjoint conditions"
                self.fail("`and`, or the end of the statement", hint)
        if self.token.text == "::":
            self.fail("the end of the statement", "the reduction stands before the condition: ... :: max(m) | m <= p")
        return Einsum(
            target=target,
            expression=expression,
            reductions=tuple(reductions),
            conditions=tuple(conditions),
            place=self.since(start),
        )

    def access(self) -> Access:
        """access"""
        start, name = self.at, self.token.text
        self.at += 1
        self.need("[", f"after the tensor name {name}", f"a scalar is written {name}[]")
        indices: list[Expression] = []
        while not self.take("]"):
            if indices:
                self.need(",", f"or `]` in the index list of {name}")
            if self.token.kind == "upper" and self.tokens[self.at + 1].text == ":":
                self.at += 2  # a rank qualification, "M: m1*M0+m0": the position says it already
            indices.append(self.sum())
        return Access(name, tuple(indices), self.since(start))

    def reduction(self) -> Reduction:
        """reduce"""
        start, name = self.at, self.token.text
        if name not in REDUCTIONS:
            message = f"unknown reduction {name}" if self.token.kind == "lower" else ""
            self.fail(
                "one of " + ", ".join(REDUCTIONS), did_you_mean(name, REDUCTIONS) if message else "", message=message
            )
        self.at += 1
        self.need("(", f"after {name}", f"write {name}(m) with the variable that is reduced")
        variable, into, by_index = self.variable(), None, False
        if name in ("argtopk", "argsort"):
            self.need(",", f"in {name}", f"{name}({variable}, j): j is the new rank that holds the coordinates")
            into = self.variable()
            if name == "argtopk" and self.take(","):
                self.need("byindex", "as the third argument of argtopk")
                by_index = True
        self.need(")", f"at the end of {name}")
        return Reduction(name, variable, into, by_index, self.since(start))

    def variable(self) -> str:
        """A variable's name."""
        name = self.token.text
        if self.token.kind != "lower":
            self.fail("a rank variable (lower case)", f"write {name.lower()}" if self.token.kind == "upper" else "")
        self.at += 1
        return name

    def condition(self) -> list[Condition]:
        """cond: a chain of comparisons"""
        start, sides, signs = self.at, [self.sum()], []
        while self.token.text in COMPARISONS:
            signs.append(COMPARISONS[self.token.text])
            self.at += 1
            sides.append(self.sum())
        if not signs:
            hint = "equality is written ==" if self.token.text == "=" else "a condition compares, for example m <= p"
            self.fail("a comparison: one of <= < >= > == !=", hint)
        place = self.since(start)
        return [Condition(a, s, b, place) for a, s, b in zip(sides[:-1], signs, sides[1:], strict=True)]

    def expression(self) -> Expression:
        """expr, where comparisons are allowed (inside where)."""
        start = self.at
        parts: list[Expression] = []
        while True:
            sides, signs = [self.sum()], []
            while self.token.text in COMPARISONS:
                signs.append(COMPARISONS[self.token.text])
                self.at += 1
                sides.append(self.sum())
            parts += [Apply(s, (a, b), self.since(start)) for a, s, b in zip(sides[:-1], signs, sides[1:], strict=True)]
            parts += [] if signs else [sides[0]]
            if not self.take("and"):
                break
        result = parts[0]
        for part in parts[1:]:
            result = Apply("and", (result, part), self.since(start))
        return result

    def sum(self) -> Expression:
        """Terms joined by + and -."""
        start, result = self.at, self.product()
        while self.token.text in SUMS:
            sign = SUMS[self.token.text]
            self.at += 1
            right = self.product()
            result = Apply(sign, (result, right), self.since(start))
        return result

    def product(self) -> Expression:
        """Factors joined by *, /, // and %."""
        start, result = self.at, self.factor()
        while self.token.text in PRODUCTS:
            sign = PRODUCTS[self.token.text]
            self.at += 1
            right = self.factor()
            result = Apply(sign, (result, right), self.since(start))
        return result

    def factor(self) -> Expression:
        """A sign, an atom, a power."""
        start = self.at
        if self.take("-"):
            inner = self.factor()
            if isinstance(inner, Number):
                return Number(-inner.value, self.since(start))
            return Apply("neg", (inner,), self.since(start))
        if self.take("+"):
            return self.factor()
        base = self.atom()
        if self.take("**"):
            exponent = self.factor()
            return Apply("pow", (base, exponent), self.since(start))
        return base

    def atom(self) -> Expression:
        """A number, a name, an access, a call, a parenthesis."""
        token, following = self.token, self.tokens[min(self.at + 1, len(self.tokens) - 1)].text
        if token.kind == "number":
            self.at += 1
            digits = token.text
            return Number(int(digits) if digits.isdigit() else float(digits), token.place)
        if token.kind == "upper" and token.text == "ATTEND" and following == "(":
            return self.attend()
        if token.kind == "upper" and following == "[":
            return self.access()
        if token.kind == "upper" and following == "(":
            self.fail(
                "`[` after a tensor name",
                f"write {token.text}[...]; functions are lower case",
                self.tokens[self.at + 1],
            )
        if token.kind == "upper":
            self.at += 1
            return Constant(token.text, token.place)
        if token.kind == "lower" and following == "(":
            return self.call()
        if token.kind == "lower" and following == "[":
            self.fail(
                "`(` after a function or an operator after a variable",
                f"tensor names start with an upper-case letter: {token.text.upper()}[...]",
                self.tokens[self.at + 1],
            )
        if token.kind == "lower" and token.text not in ("and", "or"):
            self.at += 1
            return Number(float("inf"), token.place) if token.text == "inf" else Variable(token.text, token.place)
        if self.take("("):
            inner = self.expression()
            self.need(")", "to close the parenthesis")
            return inner
        self.fail("a tensor access, a number, a constant, a variable, a function or a parenthesis")

    def call(self) -> Expression:
        """f(expr, ...)"""
        start, name = self.at, self.token.text
        if name not in FUNCTIONS:
            hint = did_you_mean(name, FUNCTIONS)
            if name in REDUCTIONS:
                hint = f"a reduction stands after `::`, for example :: {name}(m)"
            self.fail("one of " + ", ".join(FUNCTIONS), hint, message=f"unknown function {name}")
        self.at += 2
        arguments: list[Expression] = []
        while not self.take(")"):
            if arguments:
                self.need(",", f"or `)` in the arguments of {name}")
            arguments.append(self.expression())
        operator = OPERATORS[name]
        if not (operator.at_least or operator.arity) <= len(arguments) <= operator.arity:
            place = self.since(start)
            few = f"{operator.at_least} or more" if operator.at_least else str(operator.arity)
            hint = f"a reduction stands after `::`, for example :: {name}(m)" if name in REDUCTIONS else ""
            message = f"{name} has {len(arguments)} argument{'s' * (len(arguments) != 1)}"
            raise SpecError([Diagnostic(place=place, message=message, expected=few, hint=hint)])
        return Apply(name, tuple(arguments), self.since(start))

    def attend(self) -> Attend:
        """ATTEND(v, ...; score, value)"""
        start = self.at
        self.at += 2
        form = "in ATTEND(m; score, value)"
        hint = "the variables that are attended over stand before a semicolon: ATTEND(m; S[m,p], V[f,m])"
        names = [self.variable()]
        while self.take(","):
            if self.token.kind != "lower":
                self.fail("`;` " + form, hint)
            names.append(self.variable())
        self.need(";", form, hint)
        score = self.sum()
        self.need(",", form)
        value = self.sum()
        self.need(")", form)
        return Attend(tuple(names), score, value, self.since(start))


def parse_line(text: str, at: Place | None = None) -> list[Einsum]:
    """Return the statements of one line, separated by `;`; none where the line is blank or a comment.

    Raises SpecError with the place of the first mistake of the line.

    >>> [s.name for s in parse_line("RD[0,p] = 0 ; RNV[f,0,p] = 0  # start")]
    ['RD', 'RNV']
    """
    parser, found = Parser(tokenize(text, at or Place(text=text))), []
    while parser.token.kind != "end":
        if parser.take(";"):
            continue
        found.append(parser.statement())
        if parser.token.kind != "end" and parser.token.text != ";":
            parser.fail("an operator, `::`, `|`, `;` or the end of the line")
    return found


def parse(text: str) -> Einsum:
    """Return the one statement in `text`.

    Raises SpecError if the text is not one statement of the language.

    >>> parse("GM[p] = QK[m,p] :: max(m)").reductions[0].variable
    'm'
    """
    found = parse_line(text)
    if len(found) != 1:
        raise SpecError([Diagnostic(place=Place(text=text), message="expected one statement")])
    return found[0]


def parse_expression(text: str, at: Place | None = None, units: Mapping[str, float] | None = None) -> Expression:
    """Return the expression in `text`: a parameter, a rank size, an expected count.

    With `units`, name -> factor, a number may carry one of them: `64K`, `400 GB/s`.

    Raises SpecError if the text is not one expression.

    >>> parse_expression("M//M0")
    Apply(operator='floordiv', arguments=(Constant(name='M'), Constant(name='M0')))
    """
    parser = Parser(_tokens(text, at, units))
    result = parser.sum()
    if parser.token.kind != "end":
        parser.fail("an operator or the end of the expression")
    return result


def parse_conditions(
    text: str, at: Place | None = None, units: Mapping[str, float] | None = None
) -> tuple[Condition, ...]:
    """Return the conditions in `text`, joined by `and`; numbers with `units` as in `parse_expression`.

    >>> len(parse_conditions("p - W < m <= p and m >= 0"))
    3
    """
    parser = Parser(_tokens(text, at, units))
    found = parser.condition()
    while parser.take("and"):
        found += parser.condition()
    if parser.token.kind != "end":
        hint = "`A or B` is written (A) + (B) >= 1, with comparisons in the parentheses"
        parser.fail("`and` or the end of the condition", hint if parser.token.text == "or" else "")
    return tuple(found)


def _tokens(text: str, at: Place | None, units: Mapping[str, float] | None) -> list[Token]:
    found = tokenize(text, at or Place(text=text))
    return found if units is None else scaled(found, units)
