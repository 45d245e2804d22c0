"""A worker's process from start to end."""

from __future__ import annotations

import asyncio

from calotype.engines.registry import cards
from calotype.errors import ConfigError
from calotype.telemetry import log
from calotype.worker.device import Device
from calotype.worker.parts import WorkerParts
from calotype.worker.residence import Residence
from calotype.worker.scratch import Scratch
from calotype.worker.tasks import end


async def run_worker(parts: WorkerParts, stop: asyncio.Event) -> None:
    """Serve one device until `stop`: register, take jobs, and on stopping finish or hand back the one in hand.

    The database need not answer yet. Raises `ConfigError` when no engine can run here.
    """
    residence = Residence(parts)
    with Scratch(parts.scratch) as scratch:
        try:
            wanted = cards(parts.settings.extra_engines) if parts.cards is None else parts.cards
            able = await residence.able(wanted)
            if not able:
                raise ConfigError("No engine can run here; `calotype doctor` says why.")
            await _serve(Device(parts, able, residence, scratch), stop)
        finally:
            await residence.leave("the worker ends")
    log.info("worker.ended")


async def _serve(device: Device, stop: asyncio.Event) -> None:
    keeping = asyncio.create_task(device.presence.keep())
    serving = asyncio.create_task(device.serve(stop))
    tasks = {keeping, serving}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)  # only a fault of ours ends the first
        await device.presence.leave()
    finally:
        await end(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()
