"""Worker: what runs in another process. Joins parse, reduce and the encoders; meets the parent only through files and
small values."""
