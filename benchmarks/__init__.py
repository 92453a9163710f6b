"""Benchmarks: each is a command that ends its standard output in one JSON line."""
