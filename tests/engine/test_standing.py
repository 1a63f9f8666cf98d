"""How each input stands, as a table: what the listing says against what the journal has."""

import pytest

from pipeline.engine.recipe import identity_of
from pipeline.engine.standing import known_versions, standings
from pipeline.journal import ShardRow
from pipeline.testing.nouns import shard_of

SHARD = shard_of(0)


def row(id: int, version: str | None, tasks: int | None = 2, identity: str = "") -> ShardRow:
    return ShardRow(id, identity or identity_of(SHARD), version, 100, tasks)


@pytest.mark.parametrize(
    ("version", "rows", "settled", "how", "of"),
    [
        ("v1", [], {}, "new", None),
        ("v1", [row(1, "v1")], {1: 2}, "same", 1),
        ("v1", [row(1, "v1")], {1: 1}, "unfinished", 1),
        ("v1", [row(1, "v1")], {}, "unfinished", 1),
        ("v1", [row(1, "v1", None)], {1: 2}, "unfinished", 1),
        ("v1", [row(1, "v1", 0)], {}, "same", 1),
        ("v2", [row(1, "v1")], {1: 2}, "changed", None),
        ("v1", [row(1, "v1"), row(2, "v2")], {1: 2}, "same", 1),  # it was changed back
        ("v1", [row(1, "v1"), row(2, "v1")], {1: 2, 2: 1}, "unfinished", 2),  # the newest row of a version counts
        ("v1", [row(1, None)], {1: 2}, "new", None),  # void, or of a server that told no version
        (None, [row(1, None)], {1: 2}, "new", None),
        (None, [row(1, "v1")], {1: 2}, "new", None),
        ("v1", [row(1, "v1", identity="of another input")], {1: 2}, "new", None),
    ],
)
def test_the_standing_of_an_input(
    version: str | None, rows: list[ShardRow], settled: dict[int, int], how: str, of: int | None
) -> None:
    """Only the same version with every task settled is the same; no version proves nothing."""
    (found,) = standings([shard_of(0, version=version)], rows, settled)
    assert (found.how, found.row and found.row.id) == (how, of)


def test_inputs_keep_their_order_and_a_twin_its_place() -> None:
    """An input that is listed twice has two places and one identity."""
    twin = shard_of(2, name=SHARD.name)
    found = standings([SHARD, shard_of(1), twin], [row(1, "v1")], {1: 2})
    assert [standing.shard.order for standing in found] == [(0,), (1,), (2,)]
    assert [standing.how for standing in found] == ["same", "new", "same"]
    assert found[0].identity == found[2].identity != found[1].identity


def test_a_server_is_asked_about_the_version_that_the_journal_has_last() -> None:
    """Nothing is asked about an input that the journal has not, or has no version of."""
    rows = [row(1, "v1"), row(2, "v2"), row(3, None)]
    assert known_versions([SHARD, shard_of(1)], rows) == {SHARD.location: "v2"}
