"""Four years of Seattle's weather: a CSV that others correct, a cleaned table, and a monthly summary.

Nothing is installed for it: the standard library, and Upwell's SDK, which Upwell itself puts on the path.
"""

import csv
import os
from collections.abc import Iterator
from hashlib import sha256
from itertools import groupby
from pathlib import Path
from statistics import fmean

from upwell import (
    AutoMaterializePolicy,
    DataVersion,
    MaterializeResult,
    MetadataValue,
    ObserveResult,
    asset,
    observable_source_asset,
)

DATA = Path(os.environ.get("DATA_DIR", "/data"))
RAW, CLEAN, MONTHLY = DATA / "seattle-weather.csv", DATA / "clean.csv", DATA / "monthly.csv"
HOME = "https://github.com/vega/vega-datasets"
NUMBERS = ("precipitation", "temp_max", "temp_min", "wind")


def version_of(file: Path) -> DataVersion:
    """Two files with the same bytes have the same version, whenever they were written."""
    return DataVersion(sha256(file.read_bytes()).hexdigest())


def rows_of(file: Path) -> Iterator[dict[str, str]]:
    """Give the rows of a CSV file by column name."""
    with file.open(newline="", encoding="utf8") as lines:
        yield from csv.DictReader(lines)


def write(file: Path, rows: list[dict[str, object]]) -> None:
    """Write rows as CSV: whole, or not at all, because others may be reading."""
    new = file.with_suffix(".new")
    with new.open("w", newline="", encoding="utf8") as out:
        table = csv.DictWriter(out, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    new.replace(file)


@observable_source_asset
def seattle_weather_raw():
    """Look at the file; change nothing."""
    return ObserveResult(
        data_version=version_of(RAW),
        metadata={
            "rows": MetadataValue.int(sum(1 for _ in rows_of(RAW))),
            "file": MetadataValue.path(str(RAW)),
            "home": MetadataValue.url(HOME),
        },
    )


def cleaned(row: dict[str, str]) -> dict[str, object] | None:
    """Give one day with an ISO date and real numbers, or None when the day cannot be true."""
    try:
        day = {"date": row["date"].replace("/", "-"), **{name: float(row[name]) for name in NUMBERS}}
    except (KeyError, TypeError, ValueError):
        return None
    return {**day, "weather": row["weather"].strip().lower()} if day["temp_min"] <= day["temp_max"] else None


@asset(deps=[seattle_weather_raw])
def weather_clean():
    """Drop the days that cannot be true; its version is its content's, so a cosmetic change of the CSV stops here."""
    days = [cleaned(row) for row in rows_of(RAW)]
    good = [day for day in days if day]
    write(CLEAN, good)
    return MaterializeResult(
        data_version=version_of(CLEAN),
        metadata={
            "rows": MetadataValue.int(len(good)),
            "dropped": MetadataValue.int(len(days) - len(good)),
            "file": MetadataValue.path(str(CLEAN)),
        },
    )


def summary(month: str, days: list[dict[str, str]]) -> dict[str, object]:
    """Sum one month up."""
    return {
        "month": month,
        "days": len(days),
        "rain_mm": round(sum(float(day["precipitation"]) for day in days), 1),
        "mean_max": round(fmean(float(day["temp_max"]) for day in days), 1),
        "mean_min": round(fmean(float(day["temp_min"]) for day in days), 1),
    }


@asset(deps=[weather_clean], auto_materialize_policy=AutoMaterializePolicy.eager())
def weather_monthly():
    """One row a month: what a dashboard shows."""
    months = [summary(month, list(days)) for month, days in groupby(rows_of(CLEAN), key=lambda day: day["date"][:7])]
    write(MONTHLY, months)
    wettest = max(months, key=lambda month: month["rain_mm"])
    return MaterializeResult(
        metadata={
            "rows": MetadataValue.int(len(months)),
            "rain_mm": MetadataValue.float(round(sum(month["rain_mm"] for month in months), 1)),
            "file": MetadataValue.path(str(MONTHLY)),
            "home": MetadataValue.url(HOME),
            "summary": MetadataValue.md(f"Wettest month: **{wettest['month']}**, {wettest['rain_mm']} mm."),
            "first months": MetadataValue.table(months[:12]),
        },
    )
