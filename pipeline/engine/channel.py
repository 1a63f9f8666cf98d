"""A bounded channel that can be closed: how stages hand work on and hold each other back."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator
from typing import Generic, TypeVar

T = TypeVar("T")


class ChannelClosed(Exception):
    """Nothing more will come, or may be sent."""


class Channel(Generic[T]):
    """First in, first out, at most `capacity` items; any number of senders and receivers on one loop.

    `asyncio.Queue` can be closed from Python 3.13 on only, and does not say how long either side waited.
    """

    def __init__(self, capacity: int) -> None:
        if capacity < 1:
            raise ValueError("a channel needs room for one item")
        self._capacity = capacity
        self._items: deque[T] = deque()
        self._closed = False
        self._moved = asyncio.Condition()
        self.send_waited_s = 0.0
        """How long senders stood before a full channel, in all."""
        self.receive_waited_s = 0.0
        """How long receivers stood before an empty one, in all."""

    def __repr__(self) -> str:
        state = "closed" if self._closed else "open"
        return f"<Channel {state} [{len(self._items)}/{self._capacity}]>"

    async def send(self, item: T) -> None:
        """Waits while the channel is full. Raises ChannelClosed. Cancelled: the item was not sent."""
        async with self._moved:
            if len(self._items) >= self._capacity and not self._closed:
                since = time.monotonic()
                await self._moved.wait_for(lambda: self._closed or len(self._items) < self._capacity)
                self.send_waited_s += time.monotonic() - since
            if self._closed:
                raise ChannelClosed
            self._items.append(item)
            self._moved.notify_all()

    async def receive(self) -> T:
        """Waits while the channel is empty. Raises ChannelClosed once it is closed and drained. Cancelled: no item
        is lost."""
        async with self._moved:
            if not self._items and not self._closed:
                since = time.monotonic()
                await self._moved.wait_for(lambda: self._closed or bool(self._items))
                self.receive_waited_s += time.monotonic() - since
            if not self._items:
                raise ChannelClosed
            item = self._items.popleft()
            self._moved.notify_all()
            return item

    async def close(self) -> None:
        """No more items. What is in the channel can still be received. May be called again."""
        async with self._moved:
            self._closed = True
            self._moved.notify_all()

    def drain(self) -> list[T]:
        """Takes what is left, without waiting: for the end of a run that failed."""
        items = list(self._items)
        self._items.clear()
        return items

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            try:
                item = await self.receive()
            except ChannelClosed:
                return
            yield item
