"""Proofs of the kernels, run by `make prove`."""
