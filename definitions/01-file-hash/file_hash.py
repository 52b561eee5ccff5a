"""A source whose data version is the hash of a file, and a report that is built from it."""

import os
from hashlib import sha256
from pathlib import Path

from upwell import DataVersion, MaterializeResult, MetadataValue, asset, observable_source_asset

FILE = Path(os.environ.get("DATA_DIR", "/data")) / "some_file.txt"


def read_some_file() -> str:
    """Give the text that somebody else owns and may change at any time."""
    return FILE.read_text(encoding="utf8")


@observable_source_asset
def foo_source_asset():
    content = read_some_file()
    hash_sig = sha256()
    hash_sig.update(bytearray(content, "utf8"))
    return DataVersion(hash_sig.hexdigest())


@asset(deps=[foo_source_asset])
def foo_report():
    words = read_some_file().split()
    report = FILE.with_name("report.txt")
    report.write_text(f"{len(words)} words\n", encoding="utf8")
    return MaterializeResult(
        metadata={"words": MetadataValue.int(len(words)), "report": MetadataValue.path(str(report))},
    )
