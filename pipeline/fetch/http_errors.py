"""aiohttp's exceptions as ours, by what another try may change. Its texts hold URLs with their secrets: ours do not."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import aiohttp

from pipeline.errors import ServerError, TransientError

PERMANENT_DNS: Final = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Raises ServerError or TransientError for whatever aiohttp raises in here."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
        # `from None`: the foreign error carries the whole URL, and a traceback would print it.
        raise error_for(error) from None


def error_for(error: Exception) -> ServerError:
    """What an exception of aiohttp means."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "not trusted"
            return ServerError(f"the server's certificate was refused: {reason}")
        case aiohttp.ClientSSLError():
            return ServerError("no secure connection: the TLS handshake failed")
        case aiohttp.ClientConnectorDNSError(os_error=socket.gaierror(errno=code)) if code in PERMANENT_DNS:
            return ServerError("there is no such host")
        case aiohttp.ClientConnectorDNSError():
            return TransientError("the host could not be looked up")
        case aiohttp.ClientConnectorError():
            return TransientError(f"no connection: {_words(error.os_error)}")
        case aiohttp.ServerDisconnectedError():
            return TransientError("the server hung up")
        case aiohttp.ClientPayloadError():
            return TransientError("the body is cut")
        case aiohttp.ClientResponseError() if "Got more than" in error.message:
            return ServerError("the answer's headers are longer than any server's should be")
        case aiohttp.ClientResponseError():
            return TransientError("the answer is no HTTP")
        case TimeoutError():
            return TransientError("no byte came in time")
        case aiohttp.ClientConnectionError() | OSError():
            return TransientError(f"the connection broke: {_words(error)}")
        case _:
            return ServerError(f"the request could not be made ({type(error).__name__})")


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or "it was reset"
