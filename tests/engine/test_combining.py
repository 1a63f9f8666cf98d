"""How many buckets: from the rows alone."""

import pytest

from pipeline.engine.combining import BUCKET_ROWS, MOST_BUCKETS, bucket_count


@pytest.mark.parametrize(
    ("rows", "keys", "buckets"),
    [
        (0, 1, 1),
        (1, 1, 1),
        (BUCKET_ROWS, 1, 1),
        (BUCKET_ROWS + 1, 1, 2),
        (10 * BUCKET_ROWS, 2, 10),
        (10**12, 1, MOST_BUCKETS),
        (10**12, 0, 1),
    ],
)
def test_buckets_grow_with_the_rows(rows: int, keys: int, buckets: int) -> None:
    """One call combines what fits a worker; little is combined in one; without keys there is nothing to split by."""
    assert bucket_count(rows, keys) == buckets
