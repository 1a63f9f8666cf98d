"""How many buckets: from the rows alone."""

import pytest

from pipeline.engine.combining import BUCKET_ROWS, MOST_BUCKETS, bucket_count


@pytest.mark.parametrize(
    ("rows", "buckets"),
    [
        (0, 1),
        (1, 1),
        (BUCKET_ROWS, 1),
        (BUCKET_ROWS + 1, 2),
        (10 * BUCKET_ROWS, 10),
        (10**12, MOST_BUCKETS),
    ],
)
def test_buckets_grow_with_the_rows(rows: int, buckets: int) -> None:
    """One call combines what fits a worker; little is combined in one."""
    assert bucket_count(rows) == buckets
