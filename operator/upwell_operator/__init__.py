"""Upwell watches data that other systems own and tells everything downstream when it has changed."""

__version__ = "0.1.0"
