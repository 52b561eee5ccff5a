"""FACE: HTTP ingest, queries and live updates; decides nothing."""
