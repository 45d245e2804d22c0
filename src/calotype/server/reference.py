"""The reference of every API: OpenAPI, made from the very rows that serve it."""

from __future__ import annotations

from calotype.dialects.base import Reply
from calotype.dialects.openapi import document_of
from calotype.server.answer import Answer, answer_of
from calotype.server.call import Call
from calotype.server.scratch import Scratch
from calotype.server.services import Services


async def document(services: Services, call: Call, scratch: Scratch) -> Answer:
    """Answer the dialect's OpenAPI document."""
    del services, scratch
    return answer_of(Reply(200, document_of(call.face)))
