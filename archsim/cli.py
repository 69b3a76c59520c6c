"""The command `archsim`. Every command imports what it needs when it runs, so that the help is instant."""

import click

from archsim import __version__
from archsim.commands import (
    cascade,
    catalogue,
    evaluate,
    explore,
    gpu,
    map,
    numerics,
    pruned,
    pruning,
    run,
    study,
    sweep,
    workload,
)  # fmt: skip

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="archsim")
def main() -> None:
    """Simulate hardware accelerators for attention algorithms written as cascades of extended Einsums.

    Four documents say what is simulated: a cascade (the algorithm), a workload (the sizes), a design (the machine) and
    a mapping (how the one runs on the other). Each is a name that `archsim list` shows, or the path of a .yaml file
    (FILE.yaml#NAME where a file holds several cascades).

    \b
    Example:
      archsim evaluate -m unfused -w bert -s 64K
    """


for module in (catalogue, cascade, run, evaluate, map, workload, pruning, study, sweep, explore, numerics, pruned, gpu):
    for command in module.COMMANDS:
        main.add_command(command)


if __name__ == "__main__":
    main()
