"""Background tasks end, whatever becomes of a cancellation."""

from __future__ import annotations

import asyncio

from calotype.worker.tasks import end


async def _deaf_once() -> None:
    try:
        await asyncio.sleep(600)
    except asyncio.CancelledError:
        await asyncio.sleep(600)


def test_a_task_that_loses_a_cancellation_ends_all_the_same() -> None:
    async def story() -> bool:
        task = asyncio.create_task(_deaf_once())
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await end([task])
        return task.done()

    assert asyncio.run(story())


def test_ending_nothing_is_no_work() -> None:
    asyncio.run(end([]))
