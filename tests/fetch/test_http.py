"""http as a source, against a real server."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from pipeline.errors import InputMissing, PipelineError, ServerError, TransientError
from pipeline.fetch.http import HttpSource
from pipeline.fetch.redirects import headers_for, next_url, url_of
from pipeline.model import Shard
from pipeline.protocols import Source
from pipeline.testing.server import Behaviour, Cut, Gate, Ok, Reset, Server, Status
from pipeline.testing.sources import SourceContract

SECRET = "c4nary"
MODIFIED = "modified Mon, 23 Nov 2020 10:00:00 GMT"


def http(urls: list[str], timeout_s: float = 5.0, headers: Mapping[str, str] | None = None) -> HttpSource:
    return HttpSource(urls, headers=headers or {}, timeout_s=timeout_s, concurrency=8, per_host=8)


async def get(url: str, **options: object) -> bytes:
    async with http([url], **options) as source:  # type: ignore[arg-type]
        (shard,) = [shard async for shard in source.list()]
        async with source.open(shard) as opened:
            return b"".join([piece async for piece in opened.body])


class TestHttpSource(SourceContract):
    """The contract, on a server."""

    @asynccontextmanager
    async def serving(self, folder: Path, bodies: Mapping[str, bytes]) -> AsyncIterator[list[str]]:
        async with Server({f"/{name}": body for name, body in bodies.items()}) as server:
            server.headers = {f"/{name}": {"ETag": f'"{name}"'} for name in list(bodies)[1:]}
            yield [server.url(f"/{name}".replace(" ", "%20")) for name in bodies]

    def source(self, names: list[str]) -> AbstractAsyncContextManager[Source]:
        return http(names)


@pytest.mark.parametrize(
    ("behaviour", "error", "words"),
    [
        (Status(404), InputMissing, "the server said 404 Not Found"),
        (Status(410), InputMissing, "the server said 410 Gone"),
        (Status(401), ServerError, "the server said 401 Unauthorized"),
        (Status(403), ServerError, "the server said 403 Forbidden"),
        (Status(400), ServerError, "the server said 400 Bad Request"),
        (Status(204), ServerError, "the server said 204 No Content"),
        (Status(408), TransientError, "the server said 408 Request Timeout"),
        (Status(429), TransientError, "the server said 429 Too Many Requests"),
        (Status(500), TransientError, "the server said 500 Internal Server Error"),
        (Status(503), TransientError, "the server said 503 Service Unavailable"),
        (Cut(5), TransientError, "the body is cut"),
        (Cut(5, chunked=True), TransientError, "the body is cut"),
        (Reset(), TransientError, "the server hung up"),
        (Status(301), ServerError, "redirected to nowhere"),
        (Status(200, {"Content-Encoding": "br"}), ServerError, "the server sent Content-Encoding 'br', asked for none"),
    ],
)
async def test_answers_are_told_apart(behaviour: Behaviour, error: type[PipelineError], words: str) -> None:
    """By whether another try may help. Messages begin with the shard's name and show no secret."""
    async with Server({"/a": b"0123456789"}) as server:
        # aiohttp itself repeats a request whose connection was dropped, once.
        server.script("/a", behaviour, behaviour)
        with pytest.raises(error) as caught:
            await get(server.url(f"/a?sig={SECRET}"))
        assert type(caught.value) is error
        assert caught.value.message == f"{server.url('/a')}: {words}"
        assert SECRET not in "".join(map(str, (caught.value, caught.value.__cause__, caught.value.__context__)))


@pytest.mark.parametrize(
    ("url", "error", "words"),
    [
        (f"http://127.0.0.1:1/a?sig={SECRET}", TransientError, "http://127.0.0.1:1/a: no connection: Conn"),
        (f"http://name.invalid/a?sig={SECRET}", ServerError, "http://name.invalid/a: "),
        (f"http:///a?sig={SECRET}", ServerError, "http:///a: is no URL"),
        (f"http://127.0.0.1:99999/a?sig={SECRET}", ServerError, "http://127.0.0.1:99999/a: is no URL"),
    ],
)
async def test_servers_that_cannot_be_reached_are_told_apart(url: str, error: type[PipelineError], words: str) -> None:
    """Refused: it may be up again soon. No such host, no URL: not."""
    with pytest.raises(error) as caught:
        await get(url)
    assert caught.value.message.startswith(words)
    assert SECRET not in caught.value.message


async def test_a_server_that_is_silent_is_given_up_and_a_slow_reader_is_not() -> None:
    """The limit is on the time without a byte; waiting for us does not count."""
    async with Server({"/a": b"0123456789", "/big": bytes(8 << 20)}) as server:
        gate = Gate(5, asyncio.Event(), asyncio.Event())
        server.script("/a", gate)
        with pytest.raises(TransientError, match="no byte came in time"):
            await get(server.url("/a"), timeout_s=0.05)
        gate.opened.set()
        async with http([server.url("/big")], timeout_s=0.05) as source:
            (shard,) = [shard async for shard in source.list()]
            async with source.open(shard) as opened:
                count = len(await anext(opened.body))
                await asyncio.sleep(0.15)
                count += sum([len(piece) async for piece in opened.body])
        assert count == 8 << 20


async def test_a_body_comes_as_it_is_stored() -> None:
    """Nothing is decompressed on the way, and no compression is asked for."""
    body = b"\x1f\x8b looks like gzip"
    async with Server({"/a.gz": body}) as server:
        server.script("/a.gz", Ok(step=3, chunked=True))
        assert await get(server.url("/a.gz")) == body
        assert server.requests[0].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("headers", "version"),
    [
        ({}, None),
        ({"ETag": '"a"', "Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT"}, 'etag "a"'),
        ({"ETag": 'W/"a"'}, 'etag W/"a"'),
        ({"Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT"}, MODIFIED),
        ({"Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT", "Date": "Mon, 23 Nov 2020 10:00:00 GMT"}, None),
        ({"Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT", "Date": "Mon, 23 Nov 2020 10:00:01 GMT"}, MODIFIED),
        ({"Last-Modified": "Mon, 23 Nov 2020 10:00:00 -0000", "Date": "Mon, 23 Nov 2020 10:00:01 GMT"}, None),
        ({"Last-Modified": "yesterday"}, None),
        ({"ETag": '"ü"', "Last-Modified": "Mon, 23 Nov 2020 10:00:00 GMT"}, MODIFIED),
    ],
)
async def test_the_version_is_what_the_server_tells_of_the_body(headers: dict[str, str], version: str | None) -> None:
    """The ETag before the date; none where there is neither, where what is there could not be sent again, and
    where the body may change once more within the second that is its date."""
    async with Server({"/a": b"x"}) as server, http([]) as source:
        server.headers["/a"] = headers
        server.script("/moved", Status(302, {"Location": "/a", "ETag": '"not this one"'}))
        for path in ("/a", "/moved"):
            async with source.open(Shard((0,), "a", server.url(path))) as opened:
                assert opened.version == version


@pytest.mark.parametrize("query", ["sig=a%2Fb%2fc+d%20e&x=%3D", "a=b%25c", "k=ü", "k=a b"])
async def test_a_signed_url_is_sent_as_it_was_given(query: str) -> None:
    """Quoting it again would break its signature; only what no URL may hold is quoted."""
    async with Server({"/a b/c": b"x"}) as server:
        assert await get(server.url(f"/a%20b/c?{query}#part")) == b"x"
        sent = server.requests[0].query
        assert sent == {"k=ü": "k=%C3%BC", "k=a b": "k=a+b"}.get(query, query)


async def test_redirects_are_followed_and_headers_go_to_the_configured_origin_only() -> None:
    """The same origin gets the configured headers again, another port gets none of them, whatever they are called."""
    headers = {"X-Api-Key": SECRET, "Authorization": f"Bearer {SECRET}"}
    async with Server({"/end": b"body"}) as there, Server({"/end": b"body"}) as here:
        here.script("/same", Status(302, {"Location": "end"}))
        here.script("/other", Status(307, {"Location": there.url("/end")}))
        assert await get(here.url("/same"), headers=headers) == b"body"
        assert await get(here.url("/other"), headers=headers) == b"body"
        assert all(request.headers["X-Api-Key"] == SECRET for request in here.requests)
        assert [request.path for request in there.requests] == ["/end"]
        assert SECRET not in str(there.requests)


async def test_a_redirect_loop_ends() -> None:
    """After five hops, as a permanent error."""
    async with Server({}) as server:
        server.script("/a", *[Status(302, {"Location": "/a"})] * 99)
        with pytest.raises(ServerError, match="redirected more than 5 times"):
            await get(server.url("/a"))
        assert len(server.requests) == 6


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/x?y=%2F", "https://host/x?y=%2F"),
        ("x", "https://host/a/x"),
        ("//other/x", "https://other/x"),
        ("https://host:8443/x", "https://host:8443/x"),
        ("http://host/x", "from https to http"),
        ("file:///etc/passwd", "redirected to file:"),
        ("ftp://host/x", "redirected to ftp:"),
        ("https://host:99999/", "what is no URL"),
        ("", "to nowhere"),
    ],
)
def test_where_a_redirect_may_lead(location: str, there: str) -> None:
    """http and https only, and never back from https."""
    here = url_of("https://host/a/b?sig=1")
    if there.startswith("https:"):
        assert str(next_url(here, location)) == there
        assert bool(headers_for(next_url(here, location), here, {"K": "v"})) == there.startswith("https://host/")
    else:
        with pytest.raises(ServerError, match=there):
            next_url(here, location)


async def test_a_certificate_that_is_not_trusted_is_refused(tmp_path: Path) -> None:
    """Verification is on, and the refusal is permanent."""
    context = self_signed(tmp_path)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        with pytest.raises(ServerError, match=r"certificate was refused: self.signed certificate") as caught:
            await get(f"https://127.0.0.1:{runner.addresses[0][1]}/a?sig={SECRET}")
        assert type(caught.value) is ServerError
    finally:
        await runner.cleanup()


async def test_no_connection_outlives_the_source() -> None:
    """Leaving the source closes what was kept alive; a source that opened nothing has nothing to close."""
    async with Server({"/a": b"x"}) as server:
        assert await get(server.url("/a")) == b"x"
        async with http([]) as source:
            assert [shard async for shard in source.list()] == []


def test_listing_asks_nobody_and_names_hide_secrets() -> None:
    """The location is as configured, the name is for people."""
    shards: list[Shard] = []

    async def collect() -> None:
        async with http([f"https://u:{SECRET}@h/a?{SECRET}"]) as source:
            shards.extend([shard async for shard in source.list()])

    asyncio.run(collect())
    assert shards == [Shard((0,), "https://h/a", f"https://u:{SECRET}@h/a?{SECRET}")]


def self_signed(folder: Path) -> ssl.SSLContext:
    """A context with a certificate that nobody signed; the test is skipped where none can be made."""
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1 -keyout key.pem -out cert.pem"
    try:
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    except OSError:
        pytest.skip("needs the openssl command")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context
