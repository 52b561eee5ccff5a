"""What Dagster's page leaves out: where the data is, and how it is read. A data frame is a list of rows here."""

import csv
import os
from pathlib import Path

DATA = Path(os.environ.get("DATA_DIR", "/data"))


def read_some_file() -> str:
    """Give the text that somebody else owns."""
    return (DATA / "some_file.txt").read_text(encoding="utf8")


def read_df() -> list[dict[str, str]]:
    """Give the rows of a table that somebody else owns."""
    with (DATA / "dataset.csv").open(newline="", encoding="utf8") as lines:
        return list(csv.DictReader(lines))


def read_df_for_date(date: str) -> list[dict[str, str]]:
    """Give the rows of one day."""
    return [row for row in read_df() if row["date"] == date]


def persist_to_storage(df: list[dict[str, str]]) -> str:
    """Write a table to where it is kept, and give its path."""
    file = DATA / "copy.csv"
    file.write_text("\n".join(",".join(row.values()) for row in df), encoding="utf8")
    return str(file)


def calculate_bytes(df: list[dict[str, str]]) -> int:
    """Give the size of a table's values."""
    return sum(len(value.encode()) for row in df for value in row.values())


def words_of(text: str) -> int:
    """Count words."""
    return len(text.split())
