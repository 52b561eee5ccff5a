"""Verbs that run a process until it is told to stop: dev, operator, server."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

Kubeconfig = Annotated[Path | None, typer.Option(metavar="FILE", help="Kubeconfig; by default as kubectl finds it.")]
Context = Annotated[str | None, typer.Option(metavar="NAME", help="Context of the kubeconfig.")]
Namespaces = Annotated[
    list[str] | None,
    typer.Option("--namespace", "-n", metavar="NAME", help="Namespace to watch; may be repeated; by default all."),
]
Bind = Annotated[str | None, typer.Option(metavar="ADDRESS", help="Address to listen on (UPWELL_BIND, 127.0.0.1).")]
RedisUrl = Annotated[str | None, typer.Option(metavar="URL", help="Redis or Valkey (UPWELL_REDIS_URL).")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (dev, operator, server):
        app.command()(verb)


def dev(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Manifests, or folders with them.")],
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on 127.0.0.1; 0 takes a free one.")] = 8080,
    data: Annotated[Path, typer.Option(metavar="DIR", help="History, volumes and logs.")] = Path(".upwell"),
    redis: Annotated[str | None, typer.Option(metavar="URL", help="A Redis of yours; else one is started.")] = None,
) -> None:
    """Run everything on this machine, no cluster.

    Operator, server and Valkey in one process tree; one line on standard output says when it is ready, and where.
    """
    from upwell_operator.cli.processes import run_dev, settings

    raise typer.Exit(asyncio.run(run_dev(settings({}), paths, port=port, data=data, redis=redis)))


def operator(
    namespace: Namespaces = None,
    redis_url: RedisUrl = None,
    bind: Bind = None,
    port: Annotated[int | None, typer.Option(help="Port of health and metrics (UPWELL_PORT, 8080).")] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Run the operator of a cluster.

    It watches, decides, creates Jobs and writes status. Every other setting is a UPWELL_* variable.
    """
    from upwell_operator.cli.processes import run_operator, settings

    flags = {"namespaces": tuple(namespace) if namespace else None, "redis_url": redis_url, "bind": bind, "port": port}
    raise typer.Exit(asyncio.run(run_operator(settings(flags), kubeconfig=kubeconfig, context=context)))


def server(
    redis_url: RedisUrl = None,
    bind: Bind = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on (UPWELL_PORT, 8080).")] = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Run the HTTP server of a cluster.

    It takes results from pods and answers people. Every other setting is a UPWELL_* variable.
    """
    from upwell_operator.cli.processes import run_server, settings

    chosen = settings({"redis_url": redis_url, "bind": bind, "port": port})
    raise typer.Exit(asyncio.run(run_server(chosen, kubeconfig=kubeconfig, context=context)))
