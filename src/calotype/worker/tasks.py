"""Background tasks, ended for certain."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

_AGAIN = 0.2


async def end(tasks: Collection[asyncio.Task[Any]]) -> None:
    """Cancel tasks, again and again until each has ended.

    Once is not enough: a task that gets what it waited for at that very moment may lose the cancellation (the pool's own wait does,
    on Python 3.11), and a loop would then go on for ever.
    """
    pending = {task for task in tasks if not task.done()}
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=_AGAIN)
