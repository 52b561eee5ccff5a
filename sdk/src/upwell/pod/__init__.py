"""What happens around a user's function in a pod: its environment, loading, delivery of events, and the end.

Only `upwell.runner` imports this, and `dagster_run` the import from Dagster; user code has no use for it.
"""
