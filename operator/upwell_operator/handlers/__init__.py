"""EARS: the only importer of kopf; handlers of a few lines that enqueue."""
