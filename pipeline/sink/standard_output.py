"""What can be wrong with standard output, and what to do about it: whoever started the program has opened it."""

from __future__ import annotations

import errno
import fcntl
import os

from pipeline.errors import OutputError

_REMEDIES = {
    errno.EBADF: "It is closed, or open for reading only: lead it to a file or a pipe.",
    errno.ENOSPC: "Where it leads to is full: free some space there or lead it elsewhere.",
    errno.EDQUOT: "Where it leads to the quota is used up: free some space there or lead it elsewhere.",
    errno.EFBIG: "The file it leads to would grow larger than the file system or the limit of the process allows.",
    errno.EIO: "What it leads to reports a fault: a disk, or a terminal that is gone.",
}


class ReaderGone(OutputError):
    """The reader of standard output has closed it, as `head` does once it has enough. Nobody's fault: the run may end
    in silence and with success."""

    exit_code = 0


def standard_output_error(error: OSError) -> OutputError:
    """What a failed write to standard output means."""
    if isinstance(error, BrokenPipeError):
        return ReaderGone("standard output: its reader has gone")
    words = error.strerror or str(error)
    return OutputError(f"standard output: cannot be written: {words}", _REMEDIES.get(error.errno or 0, ""))


def require_writable(descriptor: int) -> None:
    """Finds out, before any work, whether something can be written there at all. Raises OutputError."""
    try:
        mode = fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE
    except OSError as error:
        raise standard_output_error(error) from error
    if mode == os.O_RDONLY:
        raise standard_output_error(OSError(errno.EBADF, os.strerror(errno.EBADF)))
