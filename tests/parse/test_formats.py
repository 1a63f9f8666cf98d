"""The table of formats: what the parent may ask of it without the dataframe library."""

import subprocess
import sys

import pytest

from pipeline.errors import ConfigError
from pipeline.model import Lines, ParseSpec, RowGroups, Whole
from pipeline.parse import FORMATS, format_of, framing_of
from pipeline.parse.dtypes import dtype_of


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_can_be_built(name: str) -> None:
    """From a spec with nothing but its name, and widths where they are needed."""
    spec = ParseSpec(name, widths=(1,))
    assert format_of(spec) == format_of(spec)


@pytest.mark.parametrize(
    ("spec", "framing"),
    [
        (ParseSpec("csv"), Lines('"', header=True)),
        (ParseSpec("tsv", header=False, quote="", max_record_bytes=9), Lines("", header=False, max_record_bytes=9)),
        (ParseSpec("fixed", header=True), Lines("", header=True)),
        (ParseSpec("ndjson"), Lines()),
        (ParseSpec("lines"), Lines()),
        (ParseSpec("log"), Lines()),
        (ParseSpec("bytes", max_record_bytes=9), Whole(9)),
        (ParseSpec("parquet"), RowGroups()),
    ],
    ids=lambda value: value.format if isinstance(value, ParseSpec) else "",
)
def test_a_format_says_how_its_shards_fall_into_records(spec: ParseSpec, framing: object) -> None:
    """Only csv has quotes; only where columns stand in rows can there be a header."""
    assert framing_of(spec) == framing


@pytest.mark.parametrize("ask", [format_of, framing_of])
def test_an_unknown_format_is_a_mistake_in_the_config(ask: object) -> None:
    """The message lists those there are."""
    with pytest.raises(ConfigError, match="'xml' is none of csv, tsv, ndjson"):
        ask(ParseSpec("xml"))  # type: ignore[operator]


def test_the_table_imports_no_dataframe_library() -> None:
    """The parent process asks for framings; it never holds polars, pyarrow or numpy."""
    program = (
        "import sys; from pipeline.parse import framing_of; from pipeline.model import ParseSpec;"
        "framing_of(ParseSpec('csv')); sys.exit(bool({'polars', 'pyarrow', 'numpy'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_binary_is_for_the_format_bytes() -> None:
    """Its column has a type like every other, though no config can name it."""
    assert str(dtype_of("binary")) == "Binary"
