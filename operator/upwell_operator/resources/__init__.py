"""WORDS: what users write, as pydantic models of the three kinds."""
