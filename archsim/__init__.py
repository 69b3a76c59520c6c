"""Simulates hardware accelerators for attention algorithms written as cascades of extended Einsums."""

from archsim.version import __version__

__all__ = ["__version__"]
