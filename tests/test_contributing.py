"""The examples of CONTRIBUTING.md: they work as they stand there."""

import re
from pathlib import Path

import polars as pl
import pytest

from pipeline.model import ChunkBytes, ChunkId, Column, ParseSpec, SinkSpec
from pipeline.reduce.metrics.metric import Argument

PAGE = Path(__file__).resolve().parent.parent / "CONTRIBUTING.md"


def example(name: str) -> type:
    """The class of this name, from the page's own code."""
    for code in re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        if f"class {name}" in code:
            names: dict[str, object] = {"__name__": "example"}
            exec(compile(code, str(PAGE), "exec"), names)
            found = names[name]
            assert isinstance(found, type)
            return found
    raise AssertionError(f"{PAGE.name} has no example {name}")


def test_the_format_reads_rows_and_rejects() -> None:
    """Twenty lines are enough for a format: typed rows, and a reject with its place and reason."""
    spec = ParseSpec("pairs", columns=(Column("level", "string"), Column("ms", "int64")))
    chunk = ChunkBytes(ChunkId((0,), 0), "a.log", b"level=info ms=12\nnothing here\nms=7\n", 0, 1)
    pairs = example("Pairs")(spec)
    batch = pairs.read(chunk)
    assert batch.frame.rows() == [("info", 12), (None, 7)]
    assert [(reject.line, reject.byte, reject.reason) for reject in batch.rejects] == [(1, 17, "no pair")]
    assert pairs.infer(chunk) == (Column("level", "string"), Column("ms", "string"))


@pytest.mark.parametrize(("values", "expected"), [([3, 9, None, 4], 6.0), ([None], None)])
def test_the_metric_combines_from_partials(values: list[int | None], expected: float | None) -> None:
    """Twenty lines are enough for a metric: its states, made from rows and combined, give the whole answer."""
    rows = pl.DataFrame({"x": values}, {"x": pl.Int64})
    metric = example("Range")(Argument("x", pl.Int64(), "x"))
    names = [name for state in metric.states for name in state.names]

    def named(expressions: list[pl.Expr]) -> list[pl.Expr]:
        return [expression.alias(name) for name, expression in zip(names, expressions, strict=True)]

    parts = [part.select(named([e for s in metric.states for e in s.partial(part)])) for part in rows.iter_slices(2)]
    table = pl.concat(parts)
    combined = table.select(named([e for s in metric.states for e in s.combine(table)]))
    assert combined.select(metric.final()).item() == expected


def test_the_encoder_writes_segments_that_join(tmp_path: Path) -> None:
    """Twenty lines are enough for an output format: segments from workers become one table."""
    encoder = example("MarkdownEncoder")(SinkSpec("out.md", "markdown"))
    frame = pl.DataFrame({"name": ["a|b", None], "n": [1, 2]})
    segments = [encoder.write(part, str(tmp_path / str(i))).path for i, part in enumerate(frame.iter_slices(1))]
    encoder.join(segments, frame.schema, str(tmp_path / "out.md"))
    assert (tmp_path / "out.md").read_text() == "| name | n |\n| --- | --- |\n| a\\|b | 1 |\n|  | 2 |\n"
