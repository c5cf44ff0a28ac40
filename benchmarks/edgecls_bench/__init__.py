"""Benchmarks: what every step cost, per artifact, backend and thread count."""
