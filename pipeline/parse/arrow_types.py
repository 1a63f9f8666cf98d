"""The types that a parquet file may have, and the column types that hold them."""

from __future__ import annotations

import pyarrow as pa
from pyarrow import types as is_type

_SAME = (
    (pa.bool_(), "bool"),
    (pa.int8(), "int8"),
    (pa.int16(), "int16"),
    (pa.int32(), "int32"),
    (pa.int64(), "int64"),
    (pa.uint8(), "uint8"),
    (pa.uint16(), "uint16"),
    (pa.uint32(), "uint32"),
    (pa.uint64(), "uint64"),
    (pa.float32(), "float32"),
    (pa.float64(), "float64"),
    (pa.date32(), "date"),
)


def plain_type(type: pa.DataType) -> tuple[pa.DataType, str]:
    """The type to cast values of `type` to, and the column type for it.

    Dictionaries lose their dictionary, times become microseconds (UTC if they have a zone), bytes have to be UTF-8.
    Raises ValueError for what has no column type: nested values, times of day, intervals.
    """
    if is_type.is_dictionary(type):
        return plain_type(type.value_type)
    if is_type.is_timestamp(type):
        return pa.timestamp("us"), "datetime"
    if is_type.is_duration(type):
        return pa.duration("us"), "duration"
    if is_type.is_date64(type):
        return pa.date32(), "date"
    if is_type.is_float16(type):
        return pa.float32(), "float32"
    if is_type.is_decimal(type) and type.precision <= 38 and 0 <= type.scale <= type.precision:
        return pa.decimal128(type.precision, type.scale), f"decimal({type.precision},{type.scale})"
    text = (is_type.is_string, is_type.is_large_string, is_type.is_string_view, is_type.is_null)
    binary = (is_type.is_binary, is_type.is_large_binary, is_type.is_binary_view, is_type.is_fixed_size_binary)
    if any(is_one(type) for is_one in (*text, *binary)):
        return pa.large_string(), "string"
    name = next((name for same, name in _SAME if same == type), None)
    if name is None:
        raise ValueError(f"{type} has no column type")
    return type, name
