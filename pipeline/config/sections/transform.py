"""The section `transform`: what becomes of each record, step by step."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from pipeline.config.fields import Many, NotYet, Section, Text, misfit


class StepSection(Section):
    """One step: exactly one key."""

    where: Text | None = Field(
        default=None, description="SQL condition; records for which it is not true are left out."
    )
    derive: dict[str, Text] | None = Field(
        default=None,
        min_length=1,
        description="New columns, name to SQL expression, evaluated side by side: none sees another of the same step.",
    )
    select: Annotated[tuple[Text, ...], Field(min_length=1), Many(one=True)] | None = Field(
        default=None, description="The columns to keep, in this order."
    )
    function: NotYet = Field(default=None, description="A Python function over the records. Not supported yet.")

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        expected = "one step such as {where: year >= 1900}"
        if not isinstance(value, dict):
            raise misfit(f"expected {expected}", expected)
        if len(value) != 1:
            keys = ", ".join(value) or "none"
            raise misfit(f"a step has exactly one key, not {keys}; begin each step with its own '- '", expected)
        return value
