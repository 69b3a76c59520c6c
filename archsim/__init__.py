"""Simulates hardware accelerators for attention algorithms written as cascades of extended Einsums."""

__all__ = ["__version__"]

__version__ = "0.1.0"
