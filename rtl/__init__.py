"""SystemVerilog kernels, their bit-accurate models, benches and proofs."""
