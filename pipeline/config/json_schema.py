"""The JSON Schema of a config file, for editors that complete and check."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import PydanticSerializationError

from pipeline.config.schema import Config

_ROOT = "One job: what goes in, what becomes of it, where it goes."
_ABOUT = ("description", "default", "examples")
_REFERENCE = {"type": "string", "pattern": r"\$\{"}


class _Generate(GenerateJsonSchema):
    ignored_warning_kinds = GenerateJsonSchema.ignored_warning_kinds | {"non-serializable-default"}

    def encode_default(self, dft: Any) -> Any:
        """Defaults that are values of ours are described by their fields, as people write them."""
        if dft is None or isinstance(dft, (str, int, float, dict)):
            return dft
        if isinstance(dft, tuple):
            return list(dft)
        raise PydanticSerializationError(type(dft).__name__)


def json_schema() -> dict[str, Any]:
    """Draft 2020-12. Says what an editor can know: keys, types, words, units and defaults, with `${VAR}` allowed in
    place of any single value. The rules that span keys are `load`'s."""
    schema = _tidy(Config.model_json_schema(by_alias=True, schema_generator=_Generate))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "pipeline job",
        "description": _ROOT,
    }


def _tidy(node: Any) -> Any:
    """Without generated titles ("On Missing"), without null (a key is left out, not null), with `${VAR}`."""
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    tidy: dict[str, Any] = {}
    for key, value in node.items():
        if (key == "title" and isinstance(value, str)) or (key == "default" and value is None):
            continue
        if key == "anyOf" and {"type": "null"} in value:
            rest = [_tidy(option) for option in value if option != {"type": "null"}]
            tidy |= rest[0] if len(rest) == 1 else {"anyOf": rest}
        else:
            tidy[key] = _tidy(value)
    if "pattern" in tidy:
        tidy["pattern"] += "|" + _REFERENCE["pattern"]
    elif "enum" in tidy or tidy.get("type") in ("integer", "boolean"):
        about = {key: tidy.pop(key) for key in _ABOUT if key in tidy}
        tidy = {**about, "anyOf": [tidy, _REFERENCE]}
    return tidy
