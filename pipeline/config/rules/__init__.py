"""The rules that span several keys of a config.

They run apart from validation, because pydantic skips its own cross-field validators once a field failed, and all
complaints must come at once.
"""

from pipeline.config.rules import memory, records, results, sinks
from pipeline.config.rules.rule import Rule

RULES: tuple[Rule, ...] = (*memory.RULES, *records.RULES, *results.RULES, *sinks.RULES)
