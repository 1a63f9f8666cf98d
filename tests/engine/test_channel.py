"""The channel holds senders back, loses nothing and can be closed."""

import asyncio

import pytest

from pipeline.engine.channel import Channel, ChannelClosed


async def test_items_come_out_in_the_order_they_went_in() -> None:
    """First in, first out."""
    channel: Channel[int] = Channel(3)
    for item in range(3):
        await channel.send(item)
    await channel.close()
    assert [item async for item in channel] == [0, 1, 2]


async def test_a_full_channel_holds_the_sender_back() -> None:
    """Law 6: no more than `capacity` items are ever in the channel."""
    channel: Channel[int] = Channel(1)
    await channel.send(1)
    second = asyncio.create_task(channel.send(2))
    await asyncio.sleep(0)
    assert not second.done()
    assert repr(channel) == "<Channel open [1/1]>"
    assert await channel.receive() == 1
    await second
    assert await channel.receive() == 2


async def test_a_cancelled_sender_has_not_sent() -> None:
    """Cancelled: the item was not sent."""
    channel: Channel[int] = Channel(1)
    await channel.send(1)
    second = asyncio.create_task(channel.send(2))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    await channel.close()
    assert [item async for item in channel] == [1]


async def test_a_cancelled_receiver_takes_nothing_with_it() -> None:
    """Cancelled: no item is lost."""
    channel: Channel[int] = Channel(1)
    first = asyncio.create_task(channel.receive())
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await channel.send(1)
    assert await channel.receive() == 1


async def test_close_wakes_everybody() -> None:
    """A closed channel ends its receivers and refuses its senders, waiting ones included."""
    channel: Channel[int] = Channel(1)
    receivers = [asyncio.create_task(channel.receive()) for _ in range(2)]
    await asyncio.sleep(0)
    await channel.close()
    for receiver in receivers:
        with pytest.raises(ChannelClosed):
            await receiver
    with pytest.raises(ChannelClosed):
        await channel.send(1)


async def test_every_item_reaches_exactly_one_of_many_receivers() -> None:
    """Many senders and receivers: each item arrives once."""
    channel: Channel[int] = Channel(2)
    got: list[int] = []

    async def receive() -> None:
        got.extend([item async for item in channel])

    async with asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(receive())
        async with asyncio.TaskGroup() as senders:
            for start in range(4):
                for item in range(start * 10, start * 10 + 10):
                    senders.create_task(channel.send(item))
        await channel.close()
    assert sorted(got) == list(range(40))


def test_a_channel_without_room_is_refused() -> None:
    """Capacity counts from one."""
    with pytest.raises(ValueError, match="room for one"):
        Channel(0)
