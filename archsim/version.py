"""The version of archsim: it stands in results too, so that those of different versions are not mixed."""

__all__ = ["__version__"]

__version__ = "0.1.0"
