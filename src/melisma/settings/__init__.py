"""Frozen dataclasses to and from ``name=value`` words and TOML: ranges, help, the nearest right name."""
