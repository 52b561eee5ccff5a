"""The embedded control plane of `upwell dev`, and the in-memory cluster of the simulation."""
