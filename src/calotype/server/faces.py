"""Serves any dialect from its rows: the same code for every API, and no branch on which one it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.types import Receive, Scope

from calotype.dialects.base import Dialect, Operation, Verb
from calotype.server import account, hooks, jobs, reference, stream, submit, uploads
from calotype.server.answer import Answer
from calotype.server.call import Call, headers_of
from calotype.server.scratch import Scratch
from calotype.server.services import Services

VERBS: dict[Verb, Callable[[Services, Call, Scratch], Awaitable[Answer]]] = {
    Verb.SUBMIT: submit.submit,
    Verb.READ: jobs.read,
    Verb.LIST: jobs.page,
    Verb.CANCEL: jobs.cancel,
    Verb.RETRY: submit.retry,
    Verb.ERASE: jobs.erase,
    Verb.EVENTS: stream.of_job,
    Verb.ACCOUNT_EVENTS: stream.of_account,
    Verb.UPLOAD: uploads.upload,
    Verb.READ_ASSET: uploads.read,
    Verb.KINDS: account.kinds,
    Verb.MODELS: account.models,
    Verb.ACCOUNT: account.balance,
    Verb.LEDGER: account.ledger,
    Verb.LIST_KEYS: account.keys,
    Verb.CREATE_KEY: account.create_key,
    Verb.REVOKE_KEY: account.revoke_key,
    Verb.LIST_ENDPOINTS: hooks.endpoints,
    Verb.CREATE_ENDPOINT: hooks.create,
    Verb.READ_ENDPOINT: hooks.endpoint,
    Verb.UPDATE_ENDPOINT: hooks.update,
    Verb.DELETE_ENDPOINT: hooks.delete,
    Verb.TEST_ENDPOINT: hooks.test,
    Verb.LIST_SECRETS: hooks.secrets,
    Verb.ROTATE_SECRET: hooks.rotate,
    Verb.LIST_DELIVERIES: hooks.deliveries,
    Verb.READ_DELIVERY: hooks.delivery,
    Verb.REPLAY_DELIVERY: hooks.replay,
    Verb.REPLAY_DELIVERIES: hooks.replay_all,
    Verb.DEACTIVATE_KEY: account.deactivate_key,
    Verb.REACTIVATE_KEY: account.reactivate_key,
    Verb.REFERENCE: reference.document,
}


_COUNTED_ELSEWHERE = frozenset({Verb.READ, Verb.SUBMIT, Verb.RETRY})
"""A look at a job may be free, and what creates a job is held to a rate of its own, in its transaction."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one dialect, as an endpoint."""

    services: Services
    face: Dialect
    operation: Operation

    @property
    def name(self) -> str:
        """Return what metrics call it."""
        return f"{self.face.id}.{self.operation.name}"

    async def answer(self, scope: Scope, receive: Receive, path: dict[str, str], request_id: str) -> Answer:
        """Check the key before all else: nobody without one learns what is wrong with a body. Then the verb answers."""
        headers = headers_of(scope)
        caller = await self.services.caller_of(self.face, self.operation, headers)
        if caller is not None and self.operation.verb not in _COUNTED_ELSEWHERE:
            self.services.reads.take(caller)
        call = Call(scope, receive, self.face, self.operation, path, headers, request_id, caller)
        scratch = Scratch(self.services.scratch)
        try:
            return await VERBS[self.operation.verb](self.services, call, scratch)
        finally:
            await scratch.clear()
