"""What the commands print: tables for people, one JSON object for programs, errors with exit status 2."""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import click

from einsum_cascade.errors import SpecError

__all__ = ["echo_json", "number", "shape_option", "table", "user_errors"]

UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}


def number(value: float) -> str:
    """Format a number for people: thousands apart, large ones in full.

    >>> number(1234567), number(0.25)
    ('1,234,567', '0.25')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def echo_json(data: object) -> None:
    """Print one JSON object."""
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns whose name starts with `>` are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    result = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        result.add_column(name.lstrip(">"), justify="right" if name.startswith(">") else "left", overflow="fold")
    for row in rows:
        result.add_row(*map(escape, row))
    terminal = sys.stdout.isatty()
    Console(width=None if terminal else 160, highlight=False).print(result)


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a mistake of the user into its text on the error stream and exit status 2."""
    try:
        yield
    except SpecError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None


def _size(text: str, whole: str) -> int | float:
    unit = UNITS.get(text[-1:].upper(), 0)
    try:
        return int(text[:-1]) * unit if unit else int(text)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            message = (
                f"{whole}: {text or 'nothing'} is not a size; expected NAME=SIZE with sizes such as 4096, 64K or 0.5"
            )
            raise click.BadParameter(message) from None


def _shape(_context: click.Context, _option: click.Parameter, values: Sequence[str]) -> Mapping[str, int | float]:
    sizes: dict[str, int | float] = {}
    for part in (p.strip() for value in values for p in value.split(",")):
        name, _, text = part.partition("=")
        if part:
            sizes[name.strip()] = _size(text.strip(), part)
    return sizes


shape_option = click.option(
    "--shape",
    "-s",
    "sizes",
    multiple=True,
    callback=_shape,
    metavar="M=64K,P=1",
    help="Ranks and parameters that differ from the file's defaults; K, M and G are powers of 1024.",
)
