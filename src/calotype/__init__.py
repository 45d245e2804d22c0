"""Calotype: a self-hosted server for asynchronous media generation."""

__version__ = "0.1.0"
