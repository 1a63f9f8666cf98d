"""What of a config with mistakes is looked at still, and what is not, lest one mistake is told twice."""

from collections.abc import Callable

import pytest

from pipeline.config import Config, FaultyConfig

WHOLE = """
name: x
inputs: a.csv
parse: {columns: {x: int32}}
transform: [{where: x > 1}, {derive: {y: x}}, {where: y > 1}]
aggregate: {by: [y], metrics: {n: count()}, having: n > 1}
sink: o.csv
"""


@pytest.fixture
def rest(read: Callable[[str], Config]) -> Callable[[str, str], Config | None]:
    def rest(old: str, new: str) -> Config | None:
        assert old in WHOLE
        with pytest.raises(FaultyConfig) as error:
            read(WHOLE.replace(old, new))
        return error.value.rest

    return rest


@pytest.mark.parametrize(
    ("old", "new", "steps", "aggregates"),
    [
        ("sink: o.csv", "sink: o.csv\nrun: {wokers: 3}", 3, True),
        ("inputs: a.csv", "inputs: 3", 3, True),
        ("parse: {", "parse: {fromat: csv, ", 3, True),
        ("derive: {y: x}", "derve: {y: x}", 1, False),
        ("metrics: {", "metrics: {m: sum(, ", 3, True),
    ],
)
def test_what_a_mistake_does_not_touch_is_looked_at(
    rest: Callable[[str, str], Config | None], old: str, new: str, steps: int, aggregates: bool
) -> None:
    """Steps before a broken one, and of a broken aggregate the keys and metrics."""
    config = rest(old, new)
    assert config is not None
    assert (len(config.transform), config.aggregate is not None) == (steps, aggregates)


def test_the_filter_of_a_broken_aggregate_is_left_alone(rest: Callable[[str, str], Config | None]) -> None:
    """It may speak of a metric that is only missing because it is broken."""
    config = rest("n: count()", "n: cont()")
    assert config is None or config.aggregate is None or config.aggregate.having is None


@pytest.mark.parametrize(
    ("old", "new"), [("columns: {x: int32}", "columns: {x: int33}"), ("parse: {columns", "inputs2: 3\nparse: {colunms")]
)
def test_without_its_columns_nothing_is_said_of_expressions(
    rest: Callable[[str, str], Config | None], old: str, new: str
) -> None:
    """Each would only be told that its columns are missing."""
    assert rest(old, new) is None
