"""Sweeps: the points of a study, evaluated in chunks into a store; on one machine or a cluster."""
