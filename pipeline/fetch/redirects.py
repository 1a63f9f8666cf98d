"""Where a redirect may lead, and what may be told there. Pure but for the URL type.

Configured headers are often credentials under any name, so only the configured origin (scheme, host and port) gets
them: no list of names to leave out can be complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from yarl import URL

from pipeline.errors import ServerError

MAX_HOPS: Final = 5
REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})

_NEEDS_QUOTING: Final = frozenset(' "<>\\^`{|}')


def url_of(text: str) -> URL:
    """As it was given: quoting a signed URL again breaks its signature. Quoted only where it holds what no URL may.

    Raises ServerError for what is no URL at all."""
    given = text.isascii() and text.isprintable() and not _NEEDS_QUOTING.intersection(text)
    try:
        url = _checked(URL(text.partition("#")[0], encoded=given))
    except ValueError as error:
        raise ServerError("is no URL") from error
    if not url.host:
        raise ServerError("is no URL: it has no host")
    return url


def next_url(here: URL, location: str | None) -> URL:
    """Where a redirect from `here` leads. Raises ServerError where it may not be followed."""
    if not location:
        raise ServerError("redirected to nowhere")
    try:
        there = _checked(here.join(URL(location, encoded=location.isascii())))
    except ValueError as error:
        raise ServerError("redirected to what is no URL") from error
    if there.scheme not in {"http", "https"} or not there.host:
        raise ServerError(f"redirected to {there.scheme or 'nowhere'}:, which is not followed")
    if here.scheme == "https" and there.scheme == "http":
        raise ServerError("redirected from https to http, which is not followed")
    return there


def headers_for(url: URL, configured: URL, headers: Mapping[str, str]) -> dict[str, str]:
    """What may be sent to `url` of the headers configured for `configured`."""
    return dict(headers) if url.origin() == configured.origin() else {}


def _checked(url: URL) -> URL:
    """Raises ValueError now: yarl takes host and port apart when they are asked for."""
    _ = url.host, url.port
    return url
