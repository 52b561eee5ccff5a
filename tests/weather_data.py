"""Seattle's weather, as the definition 02-weather wants it in its volume."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from local_plane import need

FILE = ("weather-data", "seattle-weather.csv")


def published() -> bytes:
    """Give the data set as the package ships it, which need not be importable."""
    spec = find_spec("vega_datasets")
    if spec is None:
        need("the data comes with the package vega_datasets: pip install --no-deps vega_datasets")
    return Path(str(spec.origin)).with_name("_data").joinpath("seattle-weather.csv").read_bytes()  # type: ignore[union-attr]


def correction(content: bytes) -> bytes:
    """Give the data set after somebody mended a row: 4 January 2012."""
    return content.replace(b"2012/01/04,20.3,", b"2012/01/04,23.0,")
