"""Prepare: what a job gives, known before its first chunk."""

from pipeline.model import AggregateSpec, ChunkBytes, ChunkId, Column, Derive, Job, ParseSpec, SinkSpec
from pipeline.worker.prepare import prepare


def test_the_result_is_named_as_in_a_config() -> None:
    """Types of the library do not reach a user; columns that are inferred say so."""
    spec, sample = ParseSpec("csv"), ChunkBytes(ChunkId((0,), 0), "a.csv", b"x,1\n", 4, 2, b"k,v")
    by_k = AggregateSpec(("k",), (("m", "mean(h)"), ("t", "top_k(k, 2)")))
    job = Job(spec, (Derive((("h", "v / 2"),)),), by_k, (SinkSpec("a.parquet", "parquet"),), 1 << 20)
    prepared = prepare(job, sample)
    assert prepared.complaints == ()
    assert prepared.job.parse.columns == (Column("k", "string"), Column("v", "int64"))
    assert prepared.job.parse.inferred
    assert prepared.result[:2] == (("k", "string"), ("m", "float64"))
    assert prepared.result[2][1].startswith("list(struct(value: string, ")
