"""Options that several commands take, and what an option's text may be."""

import shlex
import sys
from collections.abc import Callable
from pathlib import Path

import click

from archsim.show import length

__all__ = [
    "cascade_option", "design_option", "length_option", "listed", "listed_lengths", "named", "plot_option",
    "query_option", "set_option", "typed", "with_suffix", "workload_option",
]  # fmt: skip

workload_option = click.option(
    "-w", "--workload", required=True, metavar="WORKLOAD", help="Sizes: a name of `archsim list`, or a .yaml file."
)
length_option = click.option(
    "-s", "--sequence-length", type=length, metavar="LENGTH", help="Keys (and queries): 65536 or 64K."
)
query_option = click.option(
    "--query-length", type=length, metavar="LENGTH", help="Queries, where they are not as many as the keys."
)
design_option = click.option("-d", "--design", metavar="DESIGN", help="The machine; by default the mapping's own.")
cascade_option = click.option("-c", "--cascade", metavar="CASCADE", help="The algorithm; by default the mapping's own.")
set_option = click.option(
    "--set", "sets", multiple=True, metavar="PATH=VALUE",
    help="Replace a value of a document: workload.head_dim=96, design.memories.buffer.capacity='8 MiB',"
    " design.parameters.SIDE=128, mapping.parameters.P1=4, mapping.choices.qk=weight, cascade.params.X=2."
    " May be given several times.",
)  # fmt: skip


def listed(_context: click.Context, _option: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Split an option at its commas, each part once."""
    return tuple(dict.fromkeys(part.strip() for part in (text or "").split(",") if part.strip()))


def named(context: click.Context, option: click.Parameter, text: str | None) -> tuple[str, ...]:
    """Split an option at its commas. Raises click.BadParameter where it is given and names nothing."""
    found = listed(context, option, text)
    if text is not None and not found:
        raise click.BadParameter("this names nothing; expected one or more, with commas between them")
    return found


def listed_lengths(context: click.Context, option: click.Parameter, text: str | None) -> list[int]:
    """Split an option at its commas into numbers such as 4096 or 64K. Raises click.BadParameter."""
    return list(dict.fromkeys(length(part) for part in named(context, option, text)))


def typed() -> str:
    """Return the command that runs, as it would be typed again."""
    return shlex.join(["archsim", *sys.argv[1:]])


def with_suffix(*known: str) -> Callable[[click.Context, click.Parameter, Path | None], Path | None]:
    """Return the check that a file's name ends in one of these suffixes, whatever the case."""

    def check(_context: click.Context, _option: click.Parameter, file: Path | None) -> Path | None:
        if file is not None and file.suffix.lower() not in known:
            raise click.BadParameter(f"{file}: the name must end in {', '.join(known[:-1])} or {known[-1]}")
        return file

    return check


PICTURES = (".png", ".svg", ".pdf")


def plot_option(
    what: str, *names: str, default: str = ""
) -> Callable[[Callable[..., object]], Callable[..., object]]:  # fmt: skip
    """Return the option that names the file of a picture, `--plot` if nothing else is said; its value is `picture`."""
    return click.option(
        *(names or ("--plot",)), "picture", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
        callback=with_suffix(*PICTURES), help=f"{what} a .png, .svg or .pdf file{default}.",
    )  # fmt: skip
