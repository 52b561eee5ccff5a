"""THOUGHT: values in, values out; `now` is an argument; no I/O."""
