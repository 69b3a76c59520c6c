"""`archsim workload`: sizes from a model's configuration, or one that comes with archsim."""

from pathlib import Path

import click

from archsim.show import echo_json, fail, json_option, length, user_errors, write_text

__all__ = ["COMMANDS"]


@click.command()
@click.argument("source", metavar="CONFIG.json|NAME")
@click.option("--mode", type=click.Choice(["encoder", "prefill", "decode"]),
              help="Which layer: an encoder's, or a decoder's during prefill or decode (one query);"
              " by default what the configuration says.")  # fmt: skip
@click.option("-s", "--sequence-length", type=length, metavar="LENGTH",
              help="Keys, 65536 or 64K; by default the longest of the configuration.")  # fmt: skip
@click.option("--batch", type=click.IntRange(min=1), metavar="N", help="Sequences side by side.")
@click.option("--name", help="The name of the workload; by default the type of the model, or the file's.")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE.yaml", help="Write it to this file.")
@json_option
def workload(
    source: str,
    mode: str | None,
    sequence_length: int | None,
    batch: int | None,
    name: str | None,
    output: Path | None,
    as_json: bool,
) -> None:
    """Make a workload from a Hugging Face model configuration, or print one that comes with archsim.

    \b
    Examples:
      archsim workload config.json --mode decode -s 32K --batch 8 -o llama_decode.yaml
      archsim workload bert
    """
    from archsim.config import as_yaml, changed, from_config, read_config

    with user_errors():
        if Path(source).is_dir():
            raise fail(source, "this is a directory", hint=f"name the file: {Path(source) / 'config.json'}")
        if source.endswith(".json"):
            fields = from_config(read_config(Path(source)), mode, sequence_length, batch, name)
        else:
            fields = changed(source, mode, sequence_length, batch, name)
        text = as_yaml(fields)
        if output is not None:
            write_text(output, text)
    if as_json:
        echo_json(fields)
    elif output is not None:
        click.echo(f"wrote {output}")
    else:
        click.echo(text, nl=False)


COMMANDS: tuple[click.Command, ...] = (workload,)
