"""Reduce: what workers do with records."""
