"""`upwell observe` and `upwell materialize`: ask for runs, follow them, and end as they ended.

Everything is checked before anything is asked for, so that a mixed or misspelt list starts nothing. `+asset` builds the
stale part of its upstream first, one level after the other; what became fresh in the meantime is left out. With
`--observe` the sources are looked at before, and `due` says what is then to be built.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

from upwell_operator.cli import assets as of
from upwell_operator.cli import due
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.following import Ended, Following, Request
from upwell_operator.cli.following_partitions import ends
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import columns, emit

HEAD = ("ASSET", "RUN", "OUTCOME", "VERSION", "MESSAGE")


async def observe(
    to: Connection,
    names: Sequence[str],
    selection: str | None = None,
    *,
    partitions: str | None = None,
    wait: bool,
    patience: float,
) -> None:
    """Observe sources, named or selected. Raises CommandError with the code of the worst end.

    `partitions` is for one source: which of its partitions it is asked to look at.
    """
    async with connect(to) as api:
        wanted = await of.find(api, to.namespace, names, selection)
        refuse_what_cannot("observe", wanted)
        if partitions is not None and len(wanted) != 1:
            raise CommandError(f"--partitions are of one asset, and these are {len(wanted)}; name one", Code.USAGE)
        finish(to, await ask_level(api, "observe", wanted, wait=wait, patience=patience, partitions=partitions))


async def materialize(
    to: Connection,
    names: Sequence[str],
    selection: str | None = None,
    *,
    look: bool = False,
    wait: bool,
    patience: float,
) -> None:
    """Build assets, named or selected, upstream first; those named with + after their stale upstream.

    With `look` their sources are observed first, and what has not changed is left as it is. Raises CommandError like
    `observe`.
    """
    async with connect(to) as api:
        assets = await of.all_of(api, to.namespace)
        if selection is None:
            wanted = of.chosen(assets, [name.removeprefix("+") for name in names], to.namespace)
        else:
            wanted = await of.find(api, to.namespace, names, selection)
        refuse_what_cannot("materialize", wanted)
        plus = of.chosen(assets, [name[1:] for name in names if name.startswith("+")], to.namespace)
        if (plus or look) and not wait:
            raise CommandError(
                f"{'--observe' if look else '+asset'} builds in order and has to wait; leave --no-wait out", Code.USAGE
            )
        if look:
            finish(to, await _look_and_build(api, assets, wanted, plus, patience))
        else:
            finish(to, await _build(api, assets, wanted, plus, wait=wait, patience=patience))


async def _build(
    api: Api,
    assets: Sequence[of.Object],
    wanted: Sequence[of.Object],
    plus: Sequence[of.Object],
    *,
    wait: bool,
    patience: float,
) -> list[Ended]:
    ended: list[Ended] = []
    for level in levels(assets, wanted, plus, is_stale):
        ended += await ask_level(api, "materialize", await current(api, level, wanted), wait=wait, patience=patience)
        if worst(ended) is not Code.DONE:
            break
    return ended


async def _look_and_build(
    api: Api, assets: Sequence[of.Object], wanted: Sequence[of.Object], plus: Sequence[of.Object], patience: float
) -> list[Ended]:
    """Observe what all is built from, then build what that has changed. What cannot be observed stops it before."""
    ended = await ask_level(api, "observe", sources(assets, wanted), wait=True, patience=patience)
    known = {of.path_of(asset): asset for asset in assets}
    named = set[str]().union(*(upstream(asset, known) for asset in plus))

    def picks(asset: of.Object) -> bool:
        """Give what is above, to be built here or by the operator: what is below has to wait for both."""
        return of.kind_of(asset) == "Derived" and (of.path_of(asset) in named or due.is_eager(asset))

    for level in levels(assets, wanted, wanted, picks):
        if worst(ended) is not Code.DONE:
            break
        changed, left = await due.sort_out(api, level)
        by_itself = [asset for asset in changed if due.builds_itself(asset)]
        asked = [asset for asset in changed if asset not in by_itself]
        ended += left
        ended += await asyncio.gather(*(due.until_built(api, asset, patience) for asset in by_itself))
        ended += await ask_level(api, "materialize", asked, wait=True, patience=patience)
    return ended


def sources(assets: Sequence[of.Object], wanted: Sequence[of.Object]) -> list[of.Object]:
    """Give the observable sources that assets are built from, however far up."""
    known = {of.path_of(asset): asset for asset in assets}
    above = set[str]().union(*(upstream(asset, known) for asset in wanted))
    return [known[path] for path in sorted(above) if of.kind_of(known[path]) == "Source"]


def refuse_what_cannot(verb: str, assets: Sequence[of.Object]) -> None:
    """Raise CommandError naming every asset without the function that the verb needs."""
    names = [of.key_of(asset) for asset in assets if verb not in asset.get("spec", {})]
    if names:
        other = "materialize" if verb == "observe" else "observe"
        raise CommandError(
            f"cannot {verb}: {', '.join(names)} (no spec.{verb}); nothing was started. Use `upwell {other}`, "
            f"or add spec.{verb}",
            Code.USAGE,
        )


def levels(
    assets: Sequence[of.Object],
    wanted: Sequence[of.Object],
    plus: Sequence[of.Object],
    picks: Callable[[of.Object], bool],
) -> list[list[of.Object]]:
    """Give what to build, level by level, upstream first: the wanted, and what `picks` picks above those of `plus`."""
    known = {of.path_of(asset): asset for asset in assets}
    picked = {of.path_of(asset) for asset in wanted}
    for asset in plus:
        picked |= {path for path in upstream(asset, known) if picks(known[path])}
    depth: dict[str, int] = {}
    for path in picked:
        depth_of(path, known, depth, ())
    ordered = sorted({depth[path] for path in picked})
    return [[known[path] for path in sorted(picked) if depth[path] == level] for level in ordered]


def upstream(asset: of.Object, known: Mapping[str, of.Object]) -> set[str]:
    """Give the paths of everything an asset is built from, however far up."""
    found: set[str] = set()
    frontier = [asset]
    while frontier:
        above = {f"/v1/assets/{namespace}/{name}" for namespace, name in of.deps_of(frontier.pop())}
        frontier += [known[path] for path in above - found if path in known]
        found |= above & known.keys()
    return found


def depth_of(path: str, known: Mapping[str, of.Object], depth: dict[str, int], seen: tuple[str, ...]) -> int:
    """Give how many steps an asset is below its furthest source; a cycle counts once, it is refused elsewhere."""
    if path in seen or path not in known:
        return 0
    if path not in depth:
        above = [f"/v1/assets/{namespace}/{name}" for namespace, name in of.deps_of(known[path])]
        depth[path] = 1 + max((depth_of(one, known, depth, (*seen, path)) for one in above), default=0)
    return depth[path]


def is_stale(asset: of.Object) -> bool:
    """Say whether an asset that Upwell can build is not fresh."""
    return of.kind_of(asset) == "Derived" and of.condition_of(asset, "Fresh").get("status") == "False"


async def current(api: Api, level: Sequence[of.Object], wanted: Sequence[of.Object]) -> list[of.Object]:
    """Read a level again; leave out what nobody named and what has become fresh (an Eager asset rebuilds itself)."""
    named = {of.path_of(asset) for asset in wanted}
    now = await asyncio.gather(*(api.get(of.path_of(asset)) for asset in level))
    return [asset for asset in now if of.path_of(asset) in named or is_stale(asset)]


async def ask_level(
    api: Api, verb: str, assets: Sequence[of.Object], *, wait: bool, patience: float, **query: object
) -> list[Ended]:
    """Ask for one run of each asset, and follow all of them; `query` are parameters of the route."""
    requests = [await ask(api, verb, asset, **query) for asset in assets]
    if not wait:
        return [Ended(request.key, Code.DONE, outcome="Requested") for request in requests]
    async with Following(api, patience) as following:
        found = await asyncio.gather(*(ends(api, following, request, patience) for request in requests))
    return [one for some in found for one in some]


async def ask(api: Api, verb: str, asset: of.Object, **query: object) -> Request:
    """Ask for one run; `query` are parameters of the route."""
    answer = await api.post(f"{of.path_of(asset)}/{verb}", **query)
    return Request(asset, verb, str(answer["token"]))


def worst(ended: Sequence[Ended]) -> Code:
    """Give the code that matters most: a failure before a timeout before success."""
    codes = {one.code for one in ended}
    return next((code for code in (Code.FAILED, Code.NOT_ALLOWED, Code.TIMED_OUT) if code in codes), Code.DONE)


def finish(to: Connection, ended: Sequence[Ended]) -> None:
    """Print how it ended. Raises CommandError when not all is well."""
    rows = [(one.key, one.run, one.outcome, one.version[:12], one.message) for one in ended]
    emit(to.output, {"items": [one.as_data() for one in ended]}, lambda: columns(HEAD, rows) or ["Nothing to do."])
    if (code := worst(ended)) is not Code.DONE:
        names = ", ".join(one.key for one in ended if one.code is not Code.DONE)
        what = "did not end in time" if code is Code.TIMED_OUT else "failed"
        raise CommandError(f"{names}: {what}; `upwell why` and `upwell logs RUN` tell more", code)
