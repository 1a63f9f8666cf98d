"""The words of row expressions: functions that answer from one row, and those that are refused, by reason."""

from __future__ import annotations

# fmt: off
ROW_FUNCTIONS = frozenset(
    {
        "abs", "acos", "acosd", "asin", "asind", "atan", "atan2", "atan2d", "atand", "bit_and", "bit_count",
        "bit_length", "bit_not", "bit_or", "bit_xor", "cbrt", "ceil", "ceiling", "char_length", "character_length",
        "coalesce", "concat", "concat_ws", "cos", "cosd", "cot", "cotd", "date", "date_part", "date_trunc",
        "datetime", "day", "dayofmonth", "dayofweek", "dayofyear", "degrees", "div", "ends_with", "exp", "floor",
        "greatest", "hour", "if", "ifnull", "initcap", "least", "left", "length", "ln", "log", "log10", "log1p",
        "log2", "lower", "lpad", "ltrim", "minute", "mod", "month", "normalize", "nullif", "octet_length", "pi",
        "pow", "power", "quarter", "radians", "regexp_like", "regexp_replace", "replace", "reverse", "right", "round",
        "rpad", "rtrim", "second", "sign", "sin", "sind", "split_part", "sqrt", "starts_with", "strftime", "strpos",
        "strptime", "substr", "substring", "tan", "tand", "timestamp", "trim", "upper", "week", "xor", "year",
    }
)
"""Those of Polars' SQL that give one value a row, from that row only, the same at every run."""

CLOCKS = frozenset(
    {
        "now", "current_date", "current_time", "current_timestamp", "localtime", "localtimestamp",
    }
)
"""Answer differently at every run; SQL calls them without brackets too."""

RANDOM = frozenset(
    {
        "gen_random_uuid", "newid", "rand", "random", "uuid",
    }
)
"""Answer differently at every call."""

AGGREGATES = frozenset(
    {
        "approx_quantile", "array_agg", "avg", "bool_and", "bool_or", "corr", "count", "covar", "covar_pop",
        "covar_samp", "cume_dist", "dense_rank", "every", "first", "first_value", "grouping", "lag", "last",
        "last_value", "lead", "max", "mean", "median", "min", "nth_value", "ntile", "percent_rank", "quantile",
        "quantile_cont", "quantile_disc", "rank", "row_number", "std", "stddev", "stddev_samp", "stdev", "string_agg",
        "sum", "var", "var_samp", "variance",
    }
)
"""Answer from many rows: the answer would depend on the cuts between chunks."""

WORDS = frozenset(
    {
        "all", "and", "any", "as", "between", "case", "cast", "distinct", "else", "end", "except", "exists",
        "extract", "false", "filter", "from", "group", "having", "ilike", "in", "intersect", "interval", "is", "join",
        "like", "limit", "not", "null", "or", "order", "over", "regexp", "rlike", "safe_cast", "select", "similar",
        "then", "true", "try_cast", "union", "using", "when", "where", "with", "within",
    }
)
"""Not columns unless in quotes."""
