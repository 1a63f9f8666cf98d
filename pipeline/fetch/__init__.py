"""Fetch: shards to bytes, on the loop."""
