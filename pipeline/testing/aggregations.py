"""AggregationContract: what an aggregation promises. Subclass, fill in what is abstract, inherit the tests.

Without it these would slip through: a float sum whose last bit depends on how a frame lies in memory, a chunk without
rows that turns `first` into null, a partial that does not survive its file, a bucket with another answer.
"""

from __future__ import annotations

import io
import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.protocols import Aggregation, Tables
from pipeline.reduce.partition import split
from pipeline.testing import steps


def bits(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with floats as the integers of their bits: equal only where every bit is."""
    return frame.with_columns(
        pl.col(pl.Float64).reinterpret(dtype=pl.UInt64), pl.col(pl.Float32).reinterpret(dtype=pl.UInt32)
    )


def cut(frame: pl.DataFrame, cuts: Sequence[int]) -> list[pl.DataFrame]:
    """The frame in pieces that end at the given rows; equal cuts give pieces without rows."""
    ends = [0, *sorted(min(place, frame.height) for place in cuts), frame.height]
    return [frame[start:stop] for start, stop in itertools.pairwise(ends)]


LAWS = settings(steps.LAWS, max_examples=10)  # of each law, for each aggregation; a hundred by hand found no more
CUTS = st.lists(st.integers(0, 12), max_size=4)


class AggregationContract(ABC):
    """What `protocols.Aggregation` promises."""

    keys: ClassVar[tuple[str, ...]]
    rows: ClassVar[st.SearchStrategy[dict[str, object]]]
    """Rows of the schema that the aggregation is for."""
    schema: ClassVar[pl.Schema]

    @abstractmethod
    def aggregation(self) -> Aggregation: ...

    def alike(self, one: pl.DataFrame, other: pl.DataFrame) -> bool:
        """Whether two results of differently cut frames are near enough: sums of floats may differ in the last digit,
        sketches by their bound; everything else may not."""
        return bits(one).equals(bits(other))

    def draw(self, data: st.DataObject) -> pl.DataFrame:
        return pl.DataFrame(data.draw(st.lists(self.rows, max_size=12)), schema=self.schema)

    @property
    def empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)

    def result(self, parts: Sequence[Tables]) -> pl.DataFrame:
        aggregation = self.aggregation()
        return aggregation.order(aggregation.finalize(aggregation.combine(parts)))

    def partials(self, frames: Sequence[pl.DataFrame]) -> list[Tables]:
        return [self.aggregation().partial(frame) for frame in frames]

    @LAWS
    @given(st.data())
    def test_cutting_does_not_matter(self, data: st.DataObject) -> None:
        """Law 2: partials of pieces combine to the partial of the whole."""
        frame, cuts = self.draw(data), data.draw(CUTS)
        whole, pieces = self.result(self.partials([frame])), self.result(self.partials(cut(frame, cuts)))
        assert self.alike(whole, pieces), (whole, pieces)

    @LAWS
    @given(st.data())
    def test_grouping_of_partials_does_not_matter(self, data: st.DataObject) -> None:
        """Combining what was combined gives what combining all in one call gives."""
        frame, cuts, middle = self.draw(data), data.draw(CUTS), data.draw(st.integers(0, 5))
        parts = self.partials(cut(frame, cuts))
        combine = self.aggregation().combine
        nested = self.result([combine(parts[:middle]), combine(parts[middle:])])
        assert self.alike(self.result(parts), nested)

    @LAWS
    @given(st.data())
    def test_the_same_cuts_give_the_same_bits(self, data: st.DataObject) -> None:
        """Law 3: bits depend on the rows and the cuts only, not on how a frame lies in memory or on what is known of
        its order."""
        frame, cuts = self.draw(data), data.draw(CUTS)
        if self.keys:
            frame = frame.sort(self.keys, maintain_order=True)
        one = self.result(self.partials(cut(frame, cuts)))
        rebuilt = pl.DataFrame(frame.to_dicts(), schema=frame.schema)
        scattered = [pl.concat([piece[:1], piece[1:]], rechunk=False) for piece in cut(rebuilt, cuts)]
        assert bits(one).equals(bits(self.result(self.partials(scattered))))

    @LAWS
    @given(st.data())
    def test_buckets_together_are_the_whole(self, data: st.DataObject) -> None:
        """Law 3: combining bucket by bucket gives the very bits of combining all at once, for any number of buckets."""
        buckets = data.draw(st.integers(1, 5)) if self.keys else 1
        parts = self.partials(cut(self.draw(data), data.draw(CUTS)))
        splits = [split(part, self.keys, buckets) for part in parts]
        apart = [self.result([pieces[bucket] for pieces in splits]) for bucket in range(buckets)]
        assert bits(self.aggregation().order(pl.concat(apart))).equals(bits(self.result(parts)))

    @LAWS
    @given(st.data())
    def test_partials_survive_a_file(self, data: st.DataObject) -> None:
        """A partial read back from Arrow IPC is the partial."""
        parts = self.partials(cut(self.draw(data), data.draw(CUTS)))
        read = [{name: _from_file(table) for name, table in part.items()} for part in parts]
        assert bits(self.result(read)).equals(bits(self.result(parts)))

    def test_nothing_is_a_result_too(self) -> None:
        """No partials and a partial of no rows give the same: no row with keys, one without, and always one schema."""
        aggregation = self.aggregation()
        empty = aggregation.finalize(aggregation.combine([]))
        assert empty.height == (0 if self.keys else 1)
        nothing = self.partials([self.empty])
        for parts in (nothing, nothing * 3):
            assert self.result(parts).equals(aggregation.order(empty))

    @LAWS
    @given(st.data())
    def test_a_partial_of_no_rows_changes_nothing(self, data: st.DataObject) -> None:
        """Chunks whose rows were all filtered out leave no trace."""
        frame = self.draw(data)
        with_nothing = self.result(self.partials([self.empty, frame, self.empty]))
        assert with_nothing.equals(self.result(self.partials([frame])))
        assert with_nothing.schema == self.aggregation().finalize(self.aggregation().combine([])).schema

    @LAWS
    @given(st.data())
    def test_ordering_ordered_pieces_orders_the_whole(self, data: st.DataObject) -> None:
        """Buckets are ordered and cut to length in workers, then joined."""
        aggregation = self.aggregation()
        result = aggregation.finalize(aggregation.partial(self.draw(data)))
        pieces = cut(result, data.draw(CUTS))
        again = aggregation.order(pl.concat([aggregation.order(piece) for piece in pieces]))
        assert again.equals(aggregation.order(result))


def _from_file(table: pl.DataFrame) -> pl.DataFrame:
    file = io.BytesIO()
    table.write_ipc(file)
    file.seek(0)
    return pl.read_ipc(file)
