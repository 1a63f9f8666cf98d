"""Codecs: what fetch and the workers both know of bytes: compression, encoding and where records end."""
