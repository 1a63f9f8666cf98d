"""http and https as a source: one GET a shard, the body as it is stored, its version, errors told apart.

aiohttp is imported when the first URL is opened: a job of local files does not pay for it.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, Literal, Self

from pipeline.codecs.stored import naming
from pipeline.errors import InputMissing, ServerError, TransientError
from pipeline.fetch.patterns import shown_url
from pipeline.model import Shard
from pipeline.protocols import Opened

if TYPE_CHECKING:
    import aiohttp

NOT_MODIFIED: Final = 304
TRANSIENT_STATUS: Final = frozenset({408, 429})
MISSING_STATUS: Final = frozenset({404, 410})
READABLE_ENCODINGS: Final = frozenset({"", "identity", "gzip", "x-gzip", "zstd"})
"""Content-Encodings that inflating by content undoes. Asked for none, a server may still send one."""

VALIDATORS: Final = (("etag", "ETag"), ("modified", "Last-Modified"))
"""The kinds of versions, the better one first, and where a server tells them."""

BUFFER_BYTES: Final = 1 << 19
"""Of a body, waiting to be read, before its connection is held back."""


class HttpSource:
    """The URLs of one or more inputs, their braces expanded. An async context manager: it owns the connections."""

    def __init__(
        self, urls: Sequence[str], *, headers: Mapping[str, str], timeout_s: float, concurrency: int, per_host: int
    ) -> None:
        self._urls = urls
        self._headers = headers
        self._timeout_s = timeout_s
        self._concurrency = concurrency
        self._per_host = per_host
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def list(self) -> AsyncIterator[Shard]:
        """Asks no server."""
        for position, url in enumerate(self._urls):
            yield Shard((position,), shown_url(url), url)

    @contextlib.asynccontextmanager
    async def open(self, shard: Shard) -> AsyncIterator[Opened]:
        """Raises InputMissing (404, 410), ServerError (no: other 4xx, TLS, no such host), TransientError (may work
        later: 408, 429, 5xx, connections that fail, bodies that are cut). No message shows a query or a password.
        Left early or cancelled: the connection is closed."""
        with naming(shard):
            response = await self._get(shard.location)
        try:
            yield Opened(_version(response), _body(shard, response))
        finally:
            response.close()

    async def version_now(self, shard: Shard) -> str | None:
        """The version that the URL has now, by one request and no body: the shard's own where that still holds. Raises
        as `open`. Cancelled: the connection is closed.

        An ETag is asked for by a condition. A date is not: a server says of a file that has become *older* that it was
        not modified since (test_an_older_file_is_another_version). It is looked at instead, by HEAD where a server
        knows that."""
        kind, _, value = (shard.version or "").partition(" ")
        with naming(shard):
            if kind == "etag":
                response = await self._get(shard.location, {"If-None-Match": value})
            else:
                response = await self._head(shard.location)
            response.close()  # a 304 has no body: its connection is free already
            return shard.version if response.status == NOT_MODIFIED else _version(response)

    async def _head(self, location: str) -> aiohttp.ClientResponse:
        try:
            return await self._get(location, method="HEAD")
        except ServerError as error:
            if isinstance(error, TransientError):
                raise
            return await self._get(location)  # many a server refuses what it does not know

    async def _get(
        self, location: str, condition: Mapping[str, str] | None = None, method: Literal["GET", "HEAD"] = "GET"
    ) -> aiohttp.ClientResponse:
        from pipeline.fetch.http_errors import translated  # noqa: PLC0415 - these import aiohttp and yarl
        from pipeline.fetch.redirects import MAX_HOPS, REDIRECTS, headers_for, next_url, url_of  # noqa: PLC0415

        session = self._open_session()
        url = configured = url_of(location)
        asked = {**(condition or {}), "Accept-Encoding": "identity"}
        for _ in range(MAX_HOPS + 1):
            headers = {**headers_for(url, configured, self._headers), **asked}
            with translated():
                response = await session.request(method, url, headers=headers, allow_redirects=False)
            if response.status not in REDIRECTS:
                try:
                    if not (condition and response.status == NOT_MODIFIED):
                        _check_status(response)
                except BaseException:
                    response.close()
                    raise
                return response
            response.close()
            url = next_url(url, response.headers.get("Location"))
        raise ServerError(f"redirected more than {MAX_HOPS} times")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            import aiohttp  # noqa: PLC0415 - see above

            self._session = aiohttp.ClientSession(
                auto_decompress=False,  # it takes a cut gzip body for a whole one
                connector=aiohttp.TCPConnector(limit=self._concurrency, limit_per_host=self._per_host),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=BUFFER_BYTES,
                timeout=aiohttp.ClientTimeout(
                    total=None, connect=None, sock_connect=self._timeout_s, sock_read=self._timeout_s
                ),
            )
        return self._session


def _check_status(response: aiohttp.ClientResponse) -> None:
    status = response.status
    said = f"the server said {status} {response.reason or ''}".rstrip()
    if status in MISSING_STATUS:
        raise InputMissing(said)
    if status in TRANSIENT_STATUS or status >= 500:
        raise TransientError(said)
    if status != 200:
        raise ServerError(said)
    encoding = response.headers.get("Content-Encoding", "").strip().lower()
    if encoding not in READABLE_ENCODINGS:
        raise ServerError(f"the server sent Content-Encoding {encoding!r}, asked for none")


def _version(response: aiohttp.ClientResponse) -> str | None:
    """By what the server tells one content of a URL from the next; None where it does not."""
    for kind, header in VALIDATORS:
        value = response.headers.get(header, "")
        if not value or not value.isascii() or not value.isprintable():  # could not be sent again
            continue
        if kind == "modified" and _may_change_unseen(value, response.headers.get("Date", "")):
            continue
        return f"{kind} {value}"
    return None


def _may_change_unseen(modified: str, date: str) -> bool:
    """Whether a body may still be written anew in the second of its date, which is then that of both (RFC 9110, section
    8.8.2.2)."""
    try:
        return bool(date) and parsedate_to_datetime(modified) >= parsedate_to_datetime(date)
    except (ValueError, TypeError):  # no dates, or one without a zone
        return True


async def _body(shard: Shard, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    from pipeline.fetch.http_errors import translated  # noqa: PLC0415 - imports aiohttp

    promised, count = response.content_length, 0
    with naming(shard):
        while True:
            with translated():
                data = await response.content.readany()
            if not data:
                break
            count += len(data)
            yield data
        if promised is not None and count != promised:
            raise TransientError(f"the body is cut: {count:,} of {promised:,} bytes came")
