"""Definitions of Dagster in, Upwell's manifests out, and a report of what has no counterpart.

The only room that knows Dagster, which is an optional extra: it is imported when `--from-dagster` asks for it.
"""
