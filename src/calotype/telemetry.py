"""Structured logs and metrics: names and set-up in one place. Never a key, a prompt, a signed URL or a secret."""

from __future__ import annotations

import sys

import structlog

log: structlog.stdlib.BoundLogger = structlog.get_logger("calotype")


def set_up_logs(*, process: str, is_json: bool | None = None) -> None:
    """Send events to standard error, one line each: JSON unless a person is looking."""
    wants_json = not sys.stderr.isatty() if is_json is None else is_json
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if wants_json else structlog.dev.ConsoleRenderer(pad_event_to=24)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.StackInfoRenderer(),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(20),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
