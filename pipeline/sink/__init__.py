"""Sink: rows to where the user wants them, all or nothing."""
