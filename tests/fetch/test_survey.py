"""The survey: which URLs have changed since the journal saw them."""

from __future__ import annotations

import asyncio
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputMissing, PipelineError, ServerError, TransientError, cause_of
from pipeline.events import Event, RetryScheduled, ShardSkipped
from pipeline.fetch.inputs import Inputs, InputSpec
from pipeline.fetch.retry import RetryPolicy
from pipeline.model import Shard
from pipeline.testing.server import Behaviour, Gate, Ok, Reset, Server, Status
from pipeline.testing.sources import open_descriptors, settled

MONDAY, TUESDAY = "Mon, 23 Nov 2020 10:00:00 GMT", "Tue, 24 Nov 2020 10:00:00 GMT"
QUICK = RetryPolicy(retries=2, first_s=0.0)


async def surveyed(
    server: Server, versions: Mapping[str, str], events: list[Event] | None = None, **options: Any
) -> tuple[Shard, ...]:
    """Of the server's paths, with what the journal has of each."""
    options = {"retry": QUICK, **options}
    emit = (events if events is not None else []).append
    known = {server.url(path): version for path, version in versions.items()}
    async with Inputs(InputSpec(tuple(map(server.url, versions)), dt.date(2026, 11, 23), **options), emit) as inputs:
        shards = [shard async for shard in inputs.list()]
        return await inputs.survey(shards, known)


def told(shards: Sequence[Shard]) -> list[tuple[int, str | None]]:
    return [(shard.order[0], shard.version) for shard in shards]


@pytest.mark.parametrize(
    ("known", "headers", "version"),
    [
        ('etag "a"', {"ETag": '"a"'}, 'etag "a"'),
        ('etag "a"', {"ETag": '"b"', "Last-Modified": MONDAY}, 'etag "b"'),
        ('etag W/"a"', {"ETag": 'W/"a"'}, 'etag W/"a"'),
        ('etag "a"', {"Last-Modified": MONDAY}, f"modified {MONDAY}"),
        ('etag "a"', {}, None),
        (f"modified {MONDAY}", {"Last-Modified": MONDAY}, f"modified {MONDAY}"),
        (f"modified {MONDAY}", {"Last-Modified": TUESDAY}, f"modified {TUESDAY}"),
        (f"modified {TUESDAY}", {"Last-Modified": MONDAY}, f"modified {MONDAY}"),
    ],
)
@pytest.mark.parametrize("conditional", [True, False])
async def test_a_server_tells_whether_a_version_still_holds(
    known: str, headers: dict[str, str], version: str | None, conditional: bool
) -> None:
    """By 304, or, from a server that knows no conditions, by the same validator again. No body is read."""
    async with Server({"/a": b"x" * (1 << 24)}) as server:
        server.headers["/a"] = headers
        if not conditional:
            server.script("/a", Ok(unconditional=True))
        assert told(await surveyed(server, {"/a": known})) == [(0, version)]
        assert len(server.requests) == 1
        sent = server.requests[0].headers
        kind, _, value = known.partition(" ")
        assert sent.get("If-None-Match") == (value if kind == "etag" else None)
        assert "If-Modified-Since" not in sent
        assert server.requests[0].method == ("GET" if kind == "etag" else "HEAD")


async def test_an_older_file_is_another_version() -> None:
    """A backup put back, a link to yesterday's file: a server answers "not modified since" to all of them."""
    async with Server({"/a": b"x"}) as server:
        server.headers["/a"] = {"Last-Modified": MONDAY}
        assert told(await surveyed(server, {"/a": f"modified {TUESDAY}"})) == [(0, f"modified {MONDAY}")]


async def test_a_server_that_knows_no_head_is_asked_otherwise() -> None:
    """By a GET that is not read."""
    async with Server({"/a": b"x" * (1 << 24)}) as server:
        server.headers["/a"] = {"Last-Modified": MONDAY}
        server.script("/a", Status(405))
        assert told(await surveyed(server, {"/a": f"modified {MONDAY}"})) == [(0, f"modified {MONDAY}")]
        assert [request.method for request in server.requests] == ["HEAD", "GET"]


async def test_only_urls_with_a_known_version_are_asked_about(tmp_path: Path) -> None:
    """Files have theirs from the listing; a URL that the journal has never seen is fetched anyway."""
    (tmp_path / "a").write_bytes(b"x")
    async with Server({"/new": b"", "/old": b""}) as server:
        server.headers["/old"] = {"ETag": '"2"'}
        spec = InputSpec((server.url("/new"), f"{tmp_path}/a", server.url("/old")), dt.date(2026, 11, 23))
        async with Inputs(spec, lambda _: None) as inputs:
            shards = tuple([shard async for shard in inputs.list()])
            found = await inputs.survey(shards, {server.url("/old"): 'etag "1"', f"{tmp_path}/a": "1"})
        assert found[:2] == shards[:2]
        assert [shard.version for shard in found] == [None, shards[1].version, 'etag "2"']
        assert server.paths() == ["/old"]


@pytest.mark.parametrize(
    ("script", "error", "words", "requests"),
    [
        ([Status(404)], InputMissing, "/a: the server said 404 Not Found", 1),
        ([Status(403)], ServerError, "/a: the server said 403 Forbidden", 1),
        ([Status(503)] * 3, TransientError, r"/a: the server said 503 Service Unavailable \(3 attempts\)", 3),
        ([Reset()] * 6, TransientError, r"/a: the server hung up \(3 attempts\)", 6),
        ([Status(302)], ServerError, "/a: redirected to nowhere", 1),
    ],
)
async def test_servers_fail_as_they_do_when_a_shard_is_opened(
    script: list[Behaviour], error: type[PipelineError], words: str, requests: int
) -> None:
    """The same errors, after the same retries."""
    async with Server({"/a": b"x"}) as server:
        server.script("/a", *script)
        with pytest.raises(ExceptionGroup) as caught:
            await surveyed(server, {"/a": 'etag "1"'})
        cause = cause_of(caught.value)
        assert type(cause) is error
        assert re.fullmatch(f"http://.*{words}", str(cause))
        assert len(server.requests) == requests


async def test_what_fails_for_a_while_is_asked_again_and_told(tmp_path: Path) -> None:
    """Through a redirect too, which gets the question along."""
    events: list[Event] = []
    async with Server({"/end": b"x"}) as server:
        server.headers["/end"] = {"ETag": '"1"'}
        server.script("/a", Status(503), Status(302, {"Location": "/end"}))
        assert told(await surveyed(server, {"/a": 'etag "1"'}, events)) == [(0, 'etag "1"')]
        assert server.paths() == ["/a", "/a", "/end"]
        assert server.requests[-1].headers["If-None-Match"] == '"1"'
    assert [event.attempt for event in events if isinstance(event, RetryScheduled)] == [1]


async def test_a_url_that_is_gone_follows_the_policy() -> None:
    """skip: left out and told of, the others keep their places in the order."""
    events: list[Event] = []
    async with Server({"/a": b"", "/c": b""}) as server:
        versions = dict.fromkeys(("/a", "/b", "/c"), 'etag "1"')
        assert told(await surveyed(server, versions, events, on_missing="skip")) == [(0, None), (2, None)]
        assert events == [ShardSkipped(server.url("/b"), "the server said 404 Not Found")]


async def test_no_more_are_asked_at_once_than_allowed() -> None:
    """`concurrency`, and never more than one host may have."""
    paths = [f"/{n}" for n in range(40)]
    async with Server(dict.fromkeys(paths, b"")) as server:
        await surveyed(server, dict.fromkeys(paths, 'etag "1"'), concurrency=8, per_host=3)
        assert server.most_open <= 3
        assert sorted(server.paths()) == sorted(paths)


async def test_what_has_not_changed_shares_connections() -> None:
    """A question costs no new connection, so that thousands cost little."""
    paths = [f"/{n}" for n in range(100)]
    async with Server(dict.fromkeys(paths, b"x")) as server:
        server.headers = {path: {"ETag": '"1"'} for path in paths}
        found = await surveyed(server, dict.fromkeys(paths, 'etag "1"'), concurrency=4)
        assert told(found) == [(n, 'etag "1"') for n in range(100)]
        assert len({request.port for request in server.requests}) <= 4


@pytest.mark.parametrize("turns", [0, 1, 5, 20, None])
async def test_cancelling_leaves_no_connection(turns: int | None) -> None:
    """At any moment."""
    async with Server({"/a": b"x" * 9}) as server:
        gate = Gate(5, asyncio.Event(), asyncio.Event())
        server.script("/a", *[gate] * 2)
        before = open_descriptors()
        task = asyncio.create_task(surveyed(server, {"/a": 'etag "1"'}))
        for _ in range(turns or 0):
            await asyncio.sleep(0)
        if turns is None:
            await gate.reached.wait()
        task.cancel()
        await asyncio.wait([task])
        gate.opened.set()
        await settled()
        assert open_descriptors() <= before
