"""Tells a compression by the first bytes of a body; by its name only where the body is too short to tell."""

from __future__ import annotations

from typing import Final

PREFIX_BYTES: Final = 10
"""How much of a body `detect` wants to see."""

SUFFIXES: Final = {
    ".gz": "gzip",
    ".bgz": "gzip",
    ".bz2": "bzip2",
    ".xz": "xz",
    ".zst": "zstd",
    ".zip": "zip",
}

# A bzip2 body is told by its first block or its end mark too: "BZh9" may well begin a text.
_MAGIC: Final[dict[str, tuple[bytes, ...]]] = {
    "gzip": (b"\x1f\x8b\x08",),
    "bzip2": tuple(b"BZh%d%s" % (level, block) for level in range(1, 10) for block in (b"1AY&SY", b"\x17rE8P\x90")),
    "xz": (b"\xfd7zXZ\x00",),
    "zstd": (b"\x28\xb5\x2f\xfd", *(bytes([skippable]) + b"\x2a\x4d\x18" for skippable in range(0x50, 0x60))),
    "zip": (b"PK\x03\x04", b"PK\x05\x06"),
}


def detect(prefix: bytes) -> str:
    """none, gzip, bzip2, xz, zstd or zip, from the first `PREFIX_BYTES` of a body (fewer only if it has no more)."""
    return next((name for name, magic in _MAGIC.items() if prefix.startswith(magic)), "none")


def compression_of(prefix: bytes, name: str, configured: str = "auto") -> str:
    """What to inflate a body with. Content decides; a body cut so short that it cannot tell, an empty one included,
    is what its name says, so that a cut is found and not read as data."""
    if configured != "auto":
        return configured
    found = detect(prefix)
    if found == "none" and len(prefix) < PREFIX_BYTES:
        named = suffix_compression(name)
        if any(magic.startswith(prefix) for magic in _MAGIC.get(named, ())):
            return named
    return found


def suffix_compression(name: str) -> str:
    """What the name promises, query strings aside."""
    path = name.partition("?")[0].lower()
    return next((kind for suffix, kind in SUFFIXES.items() if path.endswith(suffix)), "none")
