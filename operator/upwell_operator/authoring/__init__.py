"""AUTHORING: for who writes definitions, without a cluster. Manifests are checked, and made from Python or Dagster."""
