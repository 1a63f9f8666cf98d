"""The section `aggregate`: many records to a row a key."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.config.fields import Many, MetricText, NotYet, Section, Text


class AggregateSection(Section):
    """Many records to a row a key."""

    by: Annotated[tuple[Text, ...], Many(one=True)] = Field(
        default=(), description="The columns that make the key. Without it the whole input gives one row."
    )
    metrics: dict[str, MetricText] = Field(
        default={},
        description="Output name to metric: count(), count(x), sum, mean, min, max, var, std, first, last, any, "
        "count_distinct, approx_distinct, quantile(x, q), median, approx_quantile(x, q), top_k(x, k), "
        "approx_top_k(x, k), histogram(x, low, high, bins); x is an SQL expression over a record. "
        "approx_distinct has a standard error of 0.8 %: off by less than 2.5 % with 99.7 % probability, exact to about "
        "a hundred. approx_quantile gives a value whose rank is within 0.5 % of q, much nearer at the ends. A count of "
        "approx_top_k is never too low, and too high by at most 3.5 / m of all values of the key, m being the power of "
        "two from 8 k, at least 1024; it is exact up to 0.75 m different values.",
    )
    having: Text | None = Field(default=None, description="SQL condition on keys and metrics; other rows are left out.")
    order_by: Annotated[tuple[Text, ...], Many(one=True)] = Field(
        default=(),
        description="Keys and metrics, a leading minus for descending; ties are broken by the keys, nulls come last. "
        "Default: the keys, ascending.",
    )
    limit: int | None = Field(default=None, ge=1, description="Keep the first rows of that order only.")
    function: NotYet = Field(default=None, description="A Python function as the aggregation. Not supported yet.")
