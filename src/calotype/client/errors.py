"""What can go wrong for a client, as types: each carries the request id, a cure, and the exit code of the command line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from calotype.dialects.base import JobView
from calotype.errors import CalotypeError, Mender, Problem


class ClientError(CalotypeError):
    """The root of everything a client raises."""

    code = "client_error"
    exit_code: ClassVar[int] = 7

    def __init__(
        self, message: str, *, request_id: str | None = None, status: int | None = None, code: str | None = None
    ) -> None:
        self.message = message
        self.request_id = request_id
        self.status = status
        self.wire_code = code or self.code
        super().__init__(message)


# The names below are the words a caller catches; they follow the habit of HTTP clients and carry no "Error".


class ConfigurationError(ClientError):
    """The client does not know which server to talk to, or the address is no address."""

    code = "bad_config"
    mender = Mender.CALLER
    exit_code = 2
    cure = "Start a server with `calotype serve`, or set CALOTYPE_URL and CALOTYPE_API_KEY."


class NotOffered(ClientError):  # noqa: N818
    """The API has no such operation."""

    code = "not_offered"
    mender = Mender.CALLER
    exit_code = 2
    cure = "Use the native dialect of a Calotype server."


class NotAuthenticated(ClientError):  # noqa: N818
    """The key is missing or not valid."""

    code = "invalid_key"
    mender = Mender.CALLER
    exit_code = 3
    cure = "Set CALOTYPE_API_KEY to a valid key; `calotype keys create NAME` makes one."


class Forbidden(ClientError):  # noqa: N818
    """The key is valid and may not do this."""

    code = "forbidden"
    mender = Mender.CALLER
    exit_code = 3
    cure = "Use a key with the scope that the message names."


class InsufficientCredits(ClientError):  # noqa: N818
    """The account cannot pay for the job; nothing was made."""

    code = "insufficient_credits"
    mender = Mender.CALLER
    exit_code = 5
    cure = "Add credits: `calotype credits grant ACCOUNT N`."


class NotFound(ClientError):  # noqa: N818
    """No such job or asset, or it is someone else's, or it was erased."""

    code = "not_found"
    mender = Mender.CALLER
    exit_code = 4
    cure = "Check the id and the key; `calotype jobs ls` lists your jobs."


class InvalidInput(ClientError):  # noqa: N818
    """The request breaks a rule; `fields` names what is wrong, `problems` says how."""

    code = "invalid_input"
    mender = Mender.CALLER
    exit_code = 2
    cure = "Change what the message names and send it again."

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[Problem] = (),
        request_id: str | None = None,
        status: int | None = None,
        code: str | None = None,
    ) -> None:
        self.problems = tuple(problems)
        self.fields = tuple(dict.fromkeys(problem.pointer.rpartition("/")[2] for problem in self.problems))
        super().__init__(message, request_id=request_id, status=status, code=code)


class Conflict(ClientError):  # noqa: N818
    """The job's state does not allow it, or an idempotency key was used for something else."""

    code = "conflict"
    mender = Mender.CALLER
    exit_code = 2
    cure = "Read the job: a job that has ended never changes."


class ServerUnavailable(ClientError):  # noqa: N818
    """The server does not answer, or answers that it cannot."""

    code = "server_unavailable"
    mender = Mender.OPERATOR
    is_retryable = True
    cure = "Check the address and that the server runs (`calotype doctor`), then try again."


class RateLimited(ServerUnavailable):
    """The server asks for fewer requests, and went on asking."""

    code = "rate_limited"
    mender = Mender.CALLER
    cure = "Wait a little and try again."


class OutcomeUnknown(ServerUnavailable):
    """A submit was sent and no answer came, to an API without idempotency keys: it was not sent twice."""

    code = "outcome_unknown"
    is_retryable = False
    cure = "The job may exist and be paid for: look at the account before submitting it again."


class WaitTimeout(ClientError):  # noqa: N818
    """The wait ended before the job did; the job goes on."""

    code = "wait_timeout"
    mender = Mender.CALLER
    is_retryable = True
    exit_code = 6

    def __init__(self, job_id: str, waited: float, trouble: str = "") -> None:
        self.job_id = job_id
        self.cure = f"The job goes on: `calotype jobs watch {job_id}` or client.attach({job_id!r}) waits again."  # type: ignore[misc]
        super().__init__(f"Job {job_id} did not end within {waited:g} s{'; ' if trouble else ''}{trouble}.")


class JobFailed(ClientError):  # noqa: N818
    """The job ended without a result; `view.state` says whether it failed, expired or was cancelled."""

    code = "job_failed"
    exit_code = 1
    cure = "Read the cause; `calotype jobs retry ID` submits the same again."

    def __init__(self, view: JobView, *, request_id: str | None = None) -> None:
        self.view = view
        self.job_id = view.id
        self.cure = f"`calotype jobs retry {view.id}` submits the same again."  # type: ignore[misc]
        told = view.error.message if view.error else ""
        code = view.error.code if view.error else None
        unknown = f"Job {view.id} {_ENDINGS.get(view.state, 'failed')}; its cause is unknown: the server gave none."
        super().__init__(told or unknown, request_id=request_id, code=code)


class WebhookInvalid(ClientError):  # noqa: N818
    """A request that says it is a webhook and is not one that the server sent just now."""

    code = "invalid_webhook"
    mender = Mender.CALLER
    exit_code = 2
    cure = "Check the secret and pass the body's bytes as they came; answer the sender with 400."


_ENDINGS = {"cancelled": "was cancelled", "expired": "expired"}

_BY_STATUS: dict[int, type[ClientError]] = {
    401: NotAuthenticated,
    402: InsufficientCredits,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    429: RateLimited,
}
_BY_CODE: dict[str, type[ClientError]] = {"idempotency_mismatch": Conflict}


def refusal(
    status: int, code: str | None, message: str, problems: Sequence[Problem], request_id: str | None
) -> ClientError:
    """Return the typed error for an answer that is no success."""
    known = _BY_CODE.get(code or "") or _BY_STATUS.get(status)
    if known is not None:
        return known(message, request_id=request_id, status=status, code=code)
    if 400 <= status < 500:
        return InvalidInput(message, problems=problems, request_id=request_id, status=status, code=code)
    return ServerUnavailable(message, request_id=request_id, status=status, code=code)
