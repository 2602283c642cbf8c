"""Didymos: a digital twin for manufacturing."""

__version__ = "0.1.0"
