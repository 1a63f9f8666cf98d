"""A small real HTTP server on loopback for tests: serves a dict or a folder, misbehaves as told, remembers everything.

async with Server({"/a.csv": b"1,2"}) as server:
    server.script("/a.csv", Status(503), Cut(1), Ok())
    server.headers["/a.csv"] = {"ETag": '"1"'}
    ... server.url("/a.csv") ...
assert server.paths() == ["/a.csv", "/a.csv", "/a.csv"]
"""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from aiohttp import web


@dataclass(frozen=True, slots=True)
class Ok:
    """The body, whole; in pieces of `step` bytes if given, with a length unless chunked; other bytes if given."""

    step: int = 0
    chunked: bool = False
    body: bytes | None = None
    unconditional: bool = False
    """As a server that has not heard of conditions."""


@dataclass(frozen=True, slots=True)
class Status:
    """This status, and a page about it."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cut:
    """Promises all, hangs up after so many bytes."""

    after: int
    chunked: bool = False


@dataclass(frozen=True, slots=True)
class Reset:
    """Resets the connection before any answer."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Sends so many bytes, sets `reached`, waits for `opened`, sends the rest."""

    after: int
    reached: asyncio.Event
    opened: asyncio.Event


Behaviour: TypeAlias = Ok | Status | Cut | Reset | Gate


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    port: int
    """The client's: requests of one connection have the same."""


class Server:
    """Serves `bodies` by path, or the files of a folder."""

    def __init__(self, bodies: Mapping[str, bytes] | Path) -> None:
        self._bodies = bodies
        self._scripts: defaultdict[str, deque[Behaviour]] = defaultdict(deque)
        self._runner = web.AppRunner(self._app(), shutdown_timeout=0.1)
        self.requests: list[Request] = []
        self.headers: dict[str, Mapping[str, str]] = {}
        """By path, sent with every body. With an ETag or a Last-Modified among them, a request for a newer body than
        that is answered with 304."""
        self.open_now = 0
        """Requests under way."""
        self.most_open = 0
        self.port = 0

    def script(self, path: str, *behaviours: Behaviour) -> None:
        """What the next requests for `path` meet, one after the other; after the last: Ok."""
        self._scripts[path].extend(behaviours)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def paths(self) -> list[str]:
        """Of all requests so far, in order."""
        return [request.path for request in self.requests]

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def _app(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        port = _transport(request).get_extra_info("peername")[1]
        self.requests.append(
            Request(request.method, request.path, request.rel_url.raw_query_string, dict(request.headers), port)
        )
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            script = self._scripts[request.path]
            return await self._behave(request, script.popleft() if script else Ok())
        finally:
            self.open_now -= 1

    async def _behave(self, request: web.Request, behaviour: Behaviour) -> web.StreamResponse:
        if isinstance(behaviour, Status):
            return web.Response(status=behaviour.status, headers=behaviour.headers, body=_page(behaviour.status))
        if isinstance(behaviour, Reset):
            _transport(request).abort()
            return web.Response()
        body = behaviour.body if isinstance(behaviour, Ok) and behaviour.body is not None else self._body(request.path)
        if body is None:
            return web.Response(status=404)
        headers = self.headers.get(request.path, {})
        if not getattr(behaviour, "unconditional", False) and _is_known(request, headers):
            return web.Response(status=304, headers=headers)
        response = web.StreamResponse(headers=headers)
        if not getattr(behaviour, "chunked", False):
            response.content_length = len(body)
        await response.prepare(request)
        if request.method != "HEAD":
            await self._send(request, response, behaviour, body)
        return response

    async def _send(
        self, request: web.Request, response: web.StreamResponse, behaviour: Ok | Cut | Gate, body: bytes
    ) -> None:
        match behaviour:
            case Ok(step=step):
                for start in range(0, len(body), step or len(body) or 1):
                    await response.write(body[start : start + step] if step else body)
            case Cut(after=after):
                await response.write(body[:after])
                _transport(request).close()
            case Gate(after=after, reached=reached, opened=opened):
                await response.write(body[:after])
                reached.set()
                await opened.wait()
                await response.write(body[after:])

    def _body(self, path: str) -> bytes | None:
        if isinstance(self._bodies, Path):
            file = self._bodies / path.lstrip("/")
            return file.read_bytes() if file.is_file() else None
        return self._bodies.get(path)


def _is_known(request: web.Request, headers: Mapping[str, str]) -> bool:
    asked = request.headers
    if "If-None-Match" in asked:  # the other one is not looked at then
        return asked["If-None-Match"] == headers.get("ETag")
    since, modified = asked.get("If-Modified-Since"), headers.get("Last-Modified")
    return (
        since is not None and modified is not None and parsedate_to_datetime(modified) <= parsedate_to_datetime(since)
    )


def _transport(request: web.Request) -> asyncio.Transport:
    assert isinstance(request.transport, asyncio.Transport)
    return request.transport


def _page(status: int) -> bytes:
    """Larger than what a client reads without being asked to; 204 may have none."""
    return b"" if status == 204 else b"no data, a page about it\n" * 40_000
