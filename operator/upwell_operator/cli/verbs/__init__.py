"""The verbs, one module a purpose: look, ask, author, serve, install.

A verb declares its arguments, loads what it needs when it is called, and calls it. It decides nothing.
"""
