"""The command `upwell`, also `kubectl-upwell`: the processes, and a face for people and scripts.

The verbs of people speak HTTP to the server and nothing else, so that RBAC there is the whole authorization. This
package imports nothing at the top: `upwell --help` must answer before one wonders whether it hangs.
"""

from __future__ import annotations


def main() -> None:
    """Run the command line; always ends the process with one of `exits.Code`."""
    from upwell_operator.cli.app import run  # noqa: PLC0415 - nothing is loaded before it is needed

    raise SystemExit(run())
