"""Rejects as a worker writes them: a line each, whatever their text is."""

from pathlib import Path

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.errors import OutputError
from pipeline.model import Reject
from pipeline.parse.reject_table import RejectTable
from pipeline.worker.rejects import write_rejects

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.builds(Reject, st.integers(0, 99), st.just(0), TEXT, TEXT), max_size=4), st.booleans())
def test_any_text_comes_back_as_it_was(tmp_path: Path, rejects: list[Reject], known: bool) -> None:
    """Control characters, quotes and line ends are escaped; each reject stays one line."""
    path = tmp_path / "a.rejects"
    write_rejects(RejectTable.of(rejects), "a.csv", 10 if known else None, str(path))
    place = "line" if known else "chunk_line"
    assert [orjson.loads(line) for line in path.read_bytes().splitlines()] == [
        {
            "shard": "a.csv",
            place: reject.line + (10 if known else 0),
            "byte": reject.byte,
            "reason": reject.reason,
            "raw": reject.raw,
        }
        for reject in rejects
    ]


def test_what_was_there_goes_unless_it_is_of_this_task(tmp_path: Path) -> None:
    """A task writes chunk by chunk; an attempt before it may have left a file at the same place."""
    path = str(tmp_path / "a.rejects")
    table = RejectTable.of([Reject(0, 0, "why", "x")])
    for append, lines in ((False, 1), (True, 2), (False, 1)):
        write_rejects(table, "a.csv", 1, path, append=append)
        assert len(Path(path).read_bytes().splitlines()) == lines


def test_a_disk_that_does_not_take_them_is_an_output_error(tmp_path: Path) -> None:
    """The message names the path."""
    with pytest.raises(OutputError, match="missing"):
        write_rejects(RejectTable.of([]), "a.csv", 1, str(tmp_path / "missing" / "x"))
