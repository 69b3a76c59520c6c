"""The option --device of the commands that compute with torch."""

import click

from archsim.show import fail

__all__ = ["checked_device", "device_option"]

device_option = click.option(
    "--device", type=click.Choice(["cpu", "cuda"]), help="Compute with torch on this device; by default with NumPy."
)


def checked_device(device: str | None) -> str:
    """Return the device, "cpu" for None. Raises SpecError: torch or the device is missing."""
    if device is None:
        return "cpu"
    try:
        import torch
    except ImportError:
        raise fail("--device", "torch is not installed", hint="pip install 'archsim[gpu]'") from None
    if device == "cuda" and not torch.cuda.is_available():
        raise fail("--device", "there is no CUDA device", hint="--device cpu")
    return device
