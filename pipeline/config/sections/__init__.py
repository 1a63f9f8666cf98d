"""The sections of a config, one module each: its keys, their types, defaults and descriptions."""
