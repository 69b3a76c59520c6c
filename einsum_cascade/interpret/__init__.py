"""What a cascade means: `run(cascade, tensors)` on whole arrays of NumPy, torch or another array-API library."""

from einsum_cascade.interpret.arithmetic import Arithmetic
from einsum_cascade.interpret.backend import Array, Shaped
from einsum_cascade.interpret.evaluate import Observer
from einsum_cascade.interpret.interpreter import run
from einsum_cascade.interpret.split import run_split

__all__ = ["Arithmetic", "Array", "Observer", "Shaped", "run", "run_split"]
