"""Data versions: opaque strings of which only equality means anything, and what a materialization consumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

from upwell.protocol import MAX_VERSION_CHARS, InputVersion
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import UNKNOWN_STATE, Asset, AssetId, AssetState, Ref


def derived_version(code_version: str | None, run: str, inputs: Sequence[InputVersion]) -> str:
    """Give the version of a materialization that named none: SHA-256 over its code and what it consumed.

    Same code and inputs, same version, so that everything below stays fresh. Without a code version nobody can know
    that the code is the same, and the run's name stands for it. JSON keeps the parts apart whatever they contain; the
    order in which the inputs are given does not matter.
    """
    code = ["run", run] if code_version is None else ["code", code_version]
    consumed = [[one.key, one.data_version] for one in sorted(inputs, key=_by_key)]
    return hashlib.sha256(json.dumps([code, consumed], separators=(",", ":")).encode()).hexdigest()


def _by_key(one: InputVersion) -> tuple[str, str]:
    """Sort by key; the name tells assets of two namespaces apart that have the same key."""
    return one.key, one.name


def check_version(version: object) -> str:
    """Give back what somebody reports as a data version, or raise ValueError saying why it is none.

    The rule: 1 to 512 characters of text (design: an empty or non-string version is refused).
    """
    if not isinstance(version, str):
        raise ValueError(  # noqa: TRY004 - one error for every bad version, whoever reports it
            f"a data version is text, not {type(version).__name__}; convert it, for example with str()"
        )
    if not version:
        raise ValueError("a data version must not be empty; leave it out if the data has no version")
    if len(version) > MAX_VERSION_CHARS:
        raise ValueError(f"a data version has at most {MAX_VERSION_CHARS} characters, not {len(version)}; hash it")
    if any("\ud800" <= char <= "\udfff" for char in version):
        raise ValueError("a data version must be valid Unicode; report a hash of the bytes")
    return version


WORDS = 4
"""Into which the hash of a pair is cut; each is summed by itself."""


def pair_hash(partition: str, version: str) -> str:
    """Give the hash of one partition's version: 32 hexadecimal digits."""
    return hashlib.blake2b(f"{len(partition)}:{partition}{version}".encode(), digest_size=16).hexdigest()


def set_digest(versions: Mapping[str, str]) -> str:
    """Give the one version of some partitions: the sums of their hashes, word by word (decisions/0022).

    The same digest as the store keeps of all partitions of an asset, in `prelude.lua`.
    """
    sums = [0] * WORDS
    for partition, version in versions.items():
        digest = pair_hash(partition, version)
        for word in range(WORDS):
            sums[word] += int(digest[8 * word : 8 * word + 8], 16)
    return "".join(f"{one % 2**32:08x}" for one in sums)


def differs(consumed: str | None, current: str | None) -> bool:
    """Say whether an input has changed since it was consumed.

    None known then and one known now differs. None known now does not: lost knowledge is no change.
    """
    return current is not None and current != consumed


def current(ref: Ref, graph: Graph, states: Mapping[AssetId, AssetState]) -> str | None:
    """Give the current data version of an asset, if one is known."""
    data = graph.data(ref)
    return None if data is None else states.get(data, UNKNOWN_STATE).version


def consumed(asset: Asset, graph: Graph, states: Mapping[AssetId, AssetState]) -> tuple[InputVersion, ...]:
    """Give the versions that a run of this asset would consume if it started now, in the order of `spec.deps`.

    Names are written as `spec.deps` would. What does not exist, or may not be used from here, has no version (and an
    asset that depends on such a thing is not run).
    """
    usable, home = set(graph.upstream(asset.ref)), asset.ref.namespace
    return tuple(
        InputVersion(ref.seen_from(home), _key(ref, graph), current(ref, graph, states) if ref in usable else None)
        for ref in dict.fromkeys(asset.deps)
    )


def _key(ref: Ref, graph: Graph) -> str:
    asset = graph.get(ref)
    return asset.key if asset else ref.name


def by_data(inputs: Iterable[InputVersion], namespace: str) -> dict[tuple[str, str], str | None]:
    """Give what was consumed by the data it was: `(namespace, key)`, which equals its AssetId.

    `namespace` is that of the asset that consumed it. Names do not matter: a renamed resource is the same data.
    """
    found = {}
    for one in inputs:  # a loop, for a comprehension costs as much again, 10,000 times in a wave
        name = one.name
        found[name.partition("/")[0] if "/" in name else namespace, one.key] = one.data_version
    return found
