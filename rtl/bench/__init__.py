"""What the benches share: the tool chain, stream agents, coverage and the kernels' reference models."""
