"""Names of resources from asset keys and from the names of jobs: DNS labels, each for one thing only."""

from __future__ import annotations

import re
from collections.abc import Iterable

from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.domain.workloads import label_value


def resource_name(text: str) -> str:
    """Give the name for a key such as `warehouse/raw_orders`: `warehouse-raw-orders`. Raises Uncompilable."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if not name:
        raise Uncompilable(f"{text!r} has no letter or digit that a resource's name could be made of; give it another")
    return label_value(name)


def names_of(what: str, texts: Iterable[str]) -> dict[str, str]:
    """Give every text its name. Raises Uncompilable when two come to one."""
    names: dict[str, str] = {}
    taken: dict[str, str] = {}
    for text in texts:
        name = resource_name(text)
        other = taken.setdefault(name, text)
        if other != text:
            raise Uncompilable(f"{what} {other!r} and {text!r} both come to the name {name!r}; give one another name")
        names[text] = name
    return names
