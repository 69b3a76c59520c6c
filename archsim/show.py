"""What the commands print: tables for people, one JSON object for programs, errors with exit status 2."""

import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from einsum_cascade.errors import SpecError

__all__ = [
    "FiniteRange", "binary", "counted", "echo_json", "fail", "json_option", "length", "measured", "number", "percent",
    "room", "shape_option", "si", "table", "user_errors", "write_text",
]  # fmt: skip

UNITS = {"K": 2**10, "M": 2**20, "G": 2**30}
PREFIXES = {"T": 1e12, "G": 1e9, "M": 1e6, "k": 1e3, "": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15}

LONGEST = 2**40

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def number(value: float) -> str:
    """Format a number for people: thousands apart, large ones in full.

    >>> number(1234567), number(0.25)
    ('1,234,567', '0.25')
    """
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def si(value: float, unit: str) -> str:
    """Format a quantity with four digits and a metric prefix.

    >>> si(0.0074025, "s"), si(11703.4, "J"), si(0, "J")
    ('7.402 ms', '11.7 kJ', '0 J')
    """
    for prefix, factor in PREFIXES.items():
        if abs(value) >= factor:
            return f"{value / factor:.4g} {prefix}{unit}"
    return f"{value:g} {unit}"


def binary(value: float) -> str:
    """Format bytes with four digits and a binary prefix.

    >>> binary(38654705664), binary(65536), binary(1.5)
    ('36 GiB', '64 KiB', '1.5 B')
    """
    for power, prefix in ((4, "Ti"), (3, "Gi"), (2, "Mi"), (1, "Ki")):
        if abs(value) >= 1024**power:
            size = value / 1024**power
            return f"{size:,.0f} {prefix}B" if size >= 1000 else f"{size:.4g} {prefix}B"
    return f"{value:.4g} B"


def measured(value: object, unit: str) -> str:
    """Format a value with its SI unit, as people read it; empty where there is none.

    >>> (
    ...     measured(65536, "B"),
    ...     measured(4.2e11, "B/s"),
    ...     measured(1220.613, "mm²"),
    ...     measured(1048576, ""),
    ...     measured(0.5, ""),
    ... )
    ('64 KiB', '420 GB/s', '1220.61 mm²', '1,048,576', '0.5')
    """
    if value is None or isinstance(value, str | bool) or not isinstance(value, int | float):
        return "" if value is None else str(value)
    if not math.isfinite(value):
        return str(value)
    if unit == "B":
        return binary(value)
    if unit in ("s", "J", "W", "Hz", "B/s"):
        return si(value, unit)
    whole = float(value).is_integer() and abs(value) < 2**53
    text = number(int(value)) if whole else f"{value:.6g}"
    return f"{text} {unit}" if unit else text


def counted(count: int, noun: str) -> str:
    """Format how many there are of something.

    >>> counted(1, "point"), counted(2048, "point")
    ('1 point', '2,048 points')
    """
    return f"{number(count)} {noun}{'s' * (count != 1)}"


def percent(value: float) -> str:
    """Format a fraction.

    >>> percent(0.99096)
    '99.1%'
    """
    return f"{100 * value:.1f}%"


def echo_json(data: object) -> None:
    """Print one JSON object; numbers of NumPy become plain ones, and what JSON has not (nan, infinity) becomes null."""
    try:
        text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False, default=lambda value: value.item())
    except ValueError:
        text = json.dumps(_finite(data), indent=2, ensure_ascii=False, allow_nan=False)
    click.echo(text)


def _finite(data: object) -> object:
    """Return data of JSON in which every number is one."""
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    plain = data.item() if hasattr(data, "item") else data
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def room() -> int:
    """Return how many characters a line has: those of the terminal, 160 elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else 160


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; columns whose name starts with `>` are aligned to the right."""
    from rich import box
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table
    from rich.text import Text

    result = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        result.add_column(
            escape(name.lstrip(">")), justify="right" if name.startswith(">") else "left", overflow="fold"
        )
    for row in rows:
        result.add_row(*map(escape, row))
    console = Console(width=room(), highlight=False)
    if title:  # by itself, since a title of the table would be no wider than the table
        console.print(Text(title, style="italic"))
    console.print(result)


@contextmanager
def user_errors() -> Iterator[None]:
    """Turn a mistake of the user into its text on the error stream and exit status 2."""
    from einsum_cascade.errors import SpecError

    try:
        yield
    except SpecError as error:
        click.echo(str(error), err=True)
        raise SystemExit(2) from None
    except MemoryError as error:
        reason = str(error) or "the memory is used up"
        click.echo(f"these sizes need more memory than there is: {reason}\n  hint: take smaller ones", err=True)
        raise SystemExit(2) from None


def fail(file: str | Path, message: str, expected: str = "", hint: str = "") -> "SpecError":
    """Return the error of a file that cannot be used as a whole."""
    from einsum_cascade.errors import Diagnostic, Place, SpecError

    place = Place(file=str(file))
    return SpecError([Diagnostic(place=place, message=message, expected=expected, hint=hint)])


def write_text(file: Path, text: str) -> None:
    """Write a text file, whole or not at all. Raises SpecError if it cannot be written."""
    write_bytes(file, text.encode())


def write_bytes(file: Path, data: bytes) -> None:
    """Write a file, whole or not at all. Raises SpecError if it cannot be written."""
    import os
    import tempfile

    temporary = None
    try:
        if file.is_dir():
            raise IsADirectoryError(0, "it is a directory")
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as stream:
            temporary = stream.name
            stream.write(data)
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, file)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise fail(file, f"cannot be written: {error.strerror}") from None


class FiniteRange(click.FloatRange):
    """A number of an option between bounds; click itself lets nan through, which is between none."""

    def convert(self, value: float, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, which comes as text. Raises click.BadParameter."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


def length(text: str) -> int:
    """Return a positive whole number such as 4096, 64K or 1M; K, M and G are powers of 1024.

    Raises click.BadParameter, which ends a command with exit status 2.

    >>> length("64K")
    65536
    """
    unit = UNITS.get(text[-1:].upper(), 0)
    digits = text[:-1] if unit else text
    plain = digits.isascii() and digits.isdigit() and len(digits) <= 15
    if not plain or not 0 < int(digits) * (unit or 1) <= LONGEST:
        message = f"{text or 'nothing'} is not a length; expected a number such as 4096, 64K or 1M, up to 1024G"
        raise click.BadParameter(message)
    return int(digits) * (unit or 1)


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
