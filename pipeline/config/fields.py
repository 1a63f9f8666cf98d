"""The kinds of value that keys take, as pydantic annotations: each with its check, its words and its JSON Schema."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetCoreSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from pipeline.config.column_types import column_type
from pipeline.config.places import nearest, shown
from pipeline.config.quantities import (
    DURATION_WORDS,
    LIMIT_WORDS,
    SIZE_WORDS,
    RejectLimit,
    parse_duration,
    parse_reject_limit,
    parse_size,
)
from pipeline.metric_call import parse_call

if TYPE_CHECKING:
    from pydantic import GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue


class Section(BaseModel):
    """A mapping of the config: frozen, no unknown keys, no silent conversions ("1" is not 1).

    Its repr says which keys were given and never a value: values may be secrets from the environment.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True, extra="forbid", strict=True, hide_input_in_errors=True, defer_build=True
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(sorted(self.model_fields_set))})"

    __str__ = __repr__


def misfit(detail: str, expected: str) -> PydanticCustomError:
    """A value that is wrong. `detail` may cite it; `expected` may not, it is all that is said where the value came
    from the environment."""
    return PydanticCustomError("misfit", "{detail}", {"detail": detail, "expected": expected})


def not_yet(_value: object) -> object:
    raise PydanticCustomError("not_yet", "not supported yet")


NotYet: TypeAlias = Annotated[Any, BeforeValidator(not_yet), WithJsonSchema({"not": {}})]
"""A key of the contract whose behaviour comes with a later release."""


def later(*words: str) -> AfterValidator:
    """Refuses values of the contract whose behaviour comes with a later release."""

    def check(value: object) -> object:
        if value in words:
            raise misfit(f"{shown(value)} is not supported yet", "another value: this one is not supported yet")
        return value

    return AfterValidator(check)


def matching(check: Callable[[str], str | None], expected: str) -> AfterValidator:
    """Text for which `check` has no problem to tell."""

    def validate(value: str) -> str:
        if problem := check(value):
            raise misfit(problem, expected)
        return value

    return AfterValidator(validate)


def _reading(parse: Callable[[Any], Any], expected: str) -> Callable[[object], Any]:
    def validate(value: object) -> Any:
        try:
            return parse(value)
        except ValueError as problem:
            text = str(problem)
            raise misfit(f"expected {text}, not {shown(value)}" if text == expected else text, expected) from None

    return validate


def _size(lowest: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if (size := parse_size(value)) < lowest:
            raise ValueError("must be at least 1 byte")
        return size

    return parse


def _duration(value: object) -> float:
    if not (seconds := parse_duration(value)) > 0:
        raise ValueError("must be longer than 0s")
    return seconds


def _metric(text: str) -> str:
    parse_call(text)
    return text


SizeBytes: TypeAlias = Annotated[
    int,
    BeforeValidator(_reading(_size(1), SIZE_WORDS)),
    WithJsonSchema({"type": ["integer", "string"], "pattern": r"^[0-9][0-9_]*(\.[0-9]+)? *([kKMGT]i?)?B$"}),
]
"""Bytes, from `16MiB`, `1GB` or a plain number."""

DurationS: TypeAlias = Annotated[
    float,
    BeforeValidator(_reading(_duration, DURATION_WORDS)),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9][0-9_]*(\.[0-9]+)? *(ms|s|m|h|d)$"}),
]
"""Seconds, from `30s`, `10m`, `1h`, `500ms`."""

Rejects: TypeAlias = Annotated[
    RejectLimit,
    PlainValidator(_reading(parse_reject_limit, LIMIT_WORDS)),
    WithJsonSchema({"type": ["integer", "string"], "minimum": 0, "pattern": r"^[0-9]+(\.[0-9]+)? *%$"}),
]

MetricText: TypeAlias = Annotated[str, AfterValidator(_reading(_metric, "a metric call such as sum(x)"))]
"""A metric call, checked and kept as written."""

ColumnType: TypeAlias = Annotated[
    str, AfterValidator(_reading(column_type, "a column type such as string, int64 or datetime(%Y-%m-%d)"))
]
"""A column type in its normal spelling."""

Text: TypeAlias = Annotated[str, matching(lambda text: None if text.strip() else "is empty", "some text")]
"""Text that says something."""

Auto: TypeAlias = Literal["auto"]


def _auto_or_count(value: object) -> object:
    if value == "auto" or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 10_000):
        return value
    hint = nearest(value, ["auto"]) if isinstance(value, str) else ""
    raise misfit(f"expected auto or a number from 1 to 10000, not {shown(value)}{hint}", "auto or a number from 1")


AutoOrCount: TypeAlias = Annotated[
    int | Auto,
    BeforeValidator(_auto_or_count),
    WithJsonSchema({"anyOf": [{"const": "auto"}, {"type": "integer", "minimum": 1, "maximum": 10_000}]}),
]


class Many:
    """A list in the file, a tuple here. `one=True`: a single value stands for a list of one."""

    def __init__(self, *, one: bool = False) -> None:
        self.one = one

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        def as_tuple(value: object) -> object:
            if isinstance(value, list):
                return tuple(value)
            return (value,) if self.one else value

        return core_schema.no_info_before_validator_function(as_tuple, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        many = handler(schema)
        return {"anyOf": [many["items"], many]} if self.one else many
