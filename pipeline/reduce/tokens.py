"""The tokens of SQL text: words, names in quotes, strings, numbers and signs, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<blank>\s+|--[^\n]*|/\*.*?\*/)
      | (?P<string>'(?:[^']|'')*')
      | (?P<quoted>"(?:[^"]|"")+"|`[^`]+`)
      | (?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?!\w))
      | (?P<word>[^\W\d]\w*)
      | (?P<sign><=>|!~\*|::|<=|>=|<>|!=|==|\|\||//|!~|~\*|[-+*/%=<>(),.&|~])""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    text: str
    start: int

    @property
    def word(self) -> str:
        """The keyword or sign; empty for what cannot be one."""
        return self.text.lower() if self.kind in ("word", "sign") else ""


def tokens(text: str) -> Iterator[Token]:
    """All but blanks and comments, and one for the end. Raises ValueError for a character that begins none."""
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            problem = "is not closed" if text[at] in "'\"`" else "is not understood"
            raise ValueError(f"{text[at]!r} at character {at + 1} {problem}")
        if match.lastgroup != "blank":
            yield Token(str(match.lastgroup), match[0], at)
        at = match.end()
    yield Token("end", "the end", len(text))
