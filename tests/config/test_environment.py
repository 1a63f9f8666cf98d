"""`${VAR}` in configs."""

from __future__ import annotations

import pytest

from pipeline.config.document import Data, parse_document
from pipeline.config.environment import substitute

ENVIRON = {"NAME": "x", "EMPTY": "", "N": "4", "YES": "true", "TRAP": "a: 1\nb: [2]", "REF": "${NAME}"}


def substituted(text: str) -> tuple[Data, list[str]]:
    document = parse_document(f"k: {text}", "job.yaml")
    substitute(document, ENVIRON)
    return document.data["k"], [str(each) for each in document.complaints]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a-${NAME}-b", "a-x-b"),
        ("${NAME}${NAME}", "xx"),
        ("${N}", 4),
        ('"${N}"', 4),
        ("${YES}", True),
        ("n${N}", "n4"),
        ("${EMPTY}", None),
        ("${UNSET:-5}", 5),
        ("${EMPTY:-5}", 5),
        ("${NAME:-5}", "x"),
        ("'${UNSET:-a:b/c}'", "a:b/c"),
        ("${UNSET:-}", None),
        ("$${NAME}", "${NAME}"),
        ("$NAME costs $5", "$NAME costs $5"),
        ("['${N}', '${NAME}y']", [4, "xy"]),
        ("${TRAP}", "a: 1\nb: [2]"),
        ("${REF}", "${NAME}"),
    ],
)
def test_references_become_their_values(text: str, value: Data) -> None:
    """A leaf that is one reference is typed as YAML types it; a value is never parsed for structure or references."""
    assert substituted(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("${UNSET}", "environment variable UNSET is not set; ${UNSET:-} allows that"),
        ("a${UNSET}b", "environment variable UNSET is not set"),
        ("${NAME", "'$${' is a literal"),
        ("'${1x}'", "'$${' is a literal"),
        ("'${NAME-x}'", "'$${' is a literal"),
    ],
)
def test_a_missing_variable_or_malformed_reference_is_a_complaint(text: str, words: str) -> None:
    """Neither becomes an empty text in silence."""
    (complaint,) = substituted(text)[1]
    assert complaint.startswith("job.yaml:1: k: ")
    assert words in complaint


def test_keys_are_not_substituted() -> None:
    """References stand in values only: the shape of a config does not depend on the environment."""
    document = parse_document("${NAME}: 1", "job.yaml")
    substitute(document, ENVIRON)
    assert document.data == {"${NAME}": 1}
