"""The processes behind `upwell dev`, `operator` and `server`: settings in, a composed process out.

Limits: composition only. What the operator does is `handlers.main`, what `dev` does `local.dev`, how HTTP is served
`server.serving`; each is imported when its process starts, so that none pays for the others.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.paths import existing
from upwell_operator.settings import Settings


def settings(flags: Mapping[str, object], environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings: flags, else `UPWELL_*` variables, else defaults. Raises CommandError naming what is wrong."""
    try:
        return Settings.from_env(os.environ if environ is None else environ, **flags)
    except ValidationError as error:
        wrong = [f"{_name(one['loc'])}: {one['msg']} (it is {one['input']!r})" for one in error.errors()]
        raise CommandError(f"settings: {'; '.join(wrong)}", Code.USAGE) from error


def _name(place: tuple[int | str, ...]) -> str:
    name = str(place[0]) if place else "settings"
    return f"UPWELL_{name.upper()} (--{name.replace('_', '-')})"


def log_to_stderr() -> None:
    """Send what a process has to say to standard error, a line each."""
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format=form)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)  # it says of every event that it was heard
    logging.getLogger("httpx").setLevel(logging.WARNING)  # a line for every request would be a flood


async def run_server(chosen: Settings, *, kubeconfig: Path | None, context: str | None) -> int:
    """Serve HTTP on a real cluster until SIGTERM. Raises NotFound when there is no cluster to connect to."""
    from upwell_operator.cluster.connect import connect  # noqa: PLC0415 - only this process pays for it
    from upwell_operator.server.app import create_app  # noqa: PLC0415
    from upwell_operator.server.serving import serving  # noqa: PLC0415
    from upwell_operator.store import Store  # noqa: PLC0415

    log_to_stderr()
    store = Store(chosen)
    cluster = await connect(str(kubeconfig) if kubeconfig else None, context)
    try:
        await serving(create_app(cluster, store, chosen), chosen).serve()
    finally:
        await cluster.close()
        await store.close()
    return Code.DONE


async def run_operator(chosen: Settings, *, kubeconfig: Path | None, context: str | None) -> int:
    """Run the operator until SIGTERM. Raises NotFound when there is no cluster, UpwellError when the Lease is lost."""
    from upwell_operator.cli.page import page  # noqa: PLC0415 - only this process pays for it
    from upwell_operator.handlers.main import run_operator as run  # noqa: PLC0415

    log_to_stderr()
    await run(chosen, page(chosen), str(kubeconfig) if kubeconfig else None, context)
    return Code.DONE


async def run_dev(chosen: Settings, paths: Sequence[Path], *, port: int, data: Path, redis: str | None) -> int:
    """Run the local control plane until Ctrl-C; one line on standard output says when it is ready, and where.

    Raises CommandError for a path that does not exist.
    """
    existing(paths)
    from upwell_operator.local.dev import dev  # noqa: PLC0415 - only this process pays for it

    log_to_stderr()
    await dev(paths, data=data, port=port, redis=redis, settings=chosen)
    return Code.DONE
