"""What names work and results: equal names, equal bytes. Pure functions over plain values."""

from __future__ import annotations

import functools
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Final

from pipeline.fetch.patterns import is_url
from pipeline.model import Job, Shard, SinkSpec

RELEASE: Final = 1
"""To be raised with every change of what a worker makes of the same bytes."""


CREDENTIALS: Final = re.compile(r"auth|cookie|token|key|secret|signature", re.IGNORECASE)
"""Headers that say who asks, not for what: they may be new every night."""


def headers_key(headers: Mapping[str, str]) -> str:
    """Names what a job asks servers for beside the URL."""
    return _hash(sorted((name.lower(), value) for name, value in headers.items() if not CREDENTIALS.search(name)))


def identity_of(shard: Shard, asked: str = "") -> str:
    """Names an input, whatever its version; a URL by the headers as well (`asked`, see `headers_key`). Hashed: the
    location of a URL may carry a secret, and is kept nowhere."""
    return _hash((shard.name, shard.location, shard.member, asked if is_url(shard.location) else ""))


def recipe_of(job: Job) -> str:
    """Names what is done to a chunk. What comes after the partials, `having`, `order_by` and `limit`, is not in it, nor
    are the sinks or the chunk size, nor where the columns are known from: none of them makes a finished shard worth
    less."""
    partial = job.aggregate and replace(job.aggregate, having=None, order_by=(), limit=None)
    parse = replace(job.parse, inferred=False)
    return _hash((RELEASE, _library(), parse, job.transform, partial))


def job_key(job: Job) -> str:
    """Names a job as it is configured, for what was found out about it."""
    return _hash((RELEASE, _library(), replace(job, chunk_bytes=0)))


def columns_key(job: Job) -> str:
    """Names what the types of columns were inferred under."""
    return _hash((RELEASE, job.parse))


def result_of(
    job: Job, sink: SinkSpec | None, placed: Iterable[tuple[int, str | None]], left_out: Sequence[str]
) -> str:
    """Names the content of an output: the recipe, the end of the aggregation, the (id, version) of each shard in its
    place, what was left out, and how it is encoded. Without a sink: the rejects."""
    end = job.aggregate and (job.aggregate.having, job.aggregate.order_by, job.aggregate.limit)
    encoded = sink and (sink.format, sink.compression)
    return _hash((recipe_of(job), end, tuple(placed), tuple(left_out), encoded))


def encodings_of(job: Job) -> tuple[str, ...]:
    """Of the segments of a row-wise job, one a sink. An aggregation has none before its end."""
    return () if job.aggregate else tuple(f"{sink.format}/{sink.compression}" for sink in job.sinks)


@functools.cache
def _library() -> str:
    """The version of what computes, which is looked for on the disk."""
    return version("polars")


def _hash(value: object) -> str:
    return hashlib.sha256(repr(value).encode("utf-8", "surrogateescape")).hexdigest()[:32]
