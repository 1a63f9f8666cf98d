"""What to say about text that is not YAML, or that YAML reads otherwise than its author meant."""

from __future__ import annotations

import re

import yaml

# What the parsers say (the C parser's words, then those of the one in Python), and what it nearly always means.
_QUOTE_START = "text that begins with one of {[]},*&!%@`|>\"' needs quotes"
_HINTS = (
    ("alias|alphabetic", "quote text that begins with '*' or '&', such as a glob"),
    ("expected ',' or '[]}]'", "inside [...] and {...}, text with braces, brackets or commas needs quotes"),
    ("mapping values", "text with ': ' in it needs quotes, and keys of one mapping begin in one column"),
    ("end of stream|unexpected end", "a quote that opens here is not closed"),
    ("escape", "in double quotes a backslash is written twice; single quotes take it as it is"),
    ("expected", _QUOTE_START),
    ("start any token", _QUOTE_START),
)


def syntax_problem(error: yaml.YAMLError, text: str) -> tuple[int, str]:
    """The line (from 1) and a one-line problem for what the parser could not read."""
    if isinstance(error, yaml.MarkedYAMLError) and (mark := error.problem_mark or error.context_mark):
        problem = str(error.problem or error.context)
        if re.search("end of stream|unexpected end", problem) and error.context_mark:
            mark = error.context_mark
        line = min(mark.line + 1, text.count("\n") + 1)
        hint = next((hint for pattern, hint in _HINTS if re.search(pattern, problem)), "")
        if text.split("\n")[line - 1][: mark.column + 1].isspace():
            hint = "indent with spaces, not tabs"
        return line, f"is not YAML: {problem}" + (f" ({hint})" if hint else "")
    position = getattr(error, "position", 0)
    return text.count("\n", 0, position) + 1, "is not YAML: contains a character that YAML does not allow"


def split_call_problem(key: str, call: str) -> str:
    """`{p90: quantile(x, 0.9)}` was read as two entries, `p90` and `0.9)`."""
    return f'YAML splits {{...}} at commas: quote it, {key}: "{call}"'
