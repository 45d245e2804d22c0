"""Every error, as one tree: a stable code, a sentence made from facts, and who can mend it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import ClassVar


class Mender(StrEnum):
    """Who can make the error go away."""

    CALLER = "caller"
    OPERATOR = "operator"
    NOBODY = "nobody"


class CalotypeError(Exception):
    """The root: `code` is for programs, `str(error)` is one sentence for people."""

    code: ClassVar[str] = "internal_error"
    mender: ClassVar[Mender] = Mender.NOBODY
    is_retryable: ClassVar[bool] = False
    cure: ClassVar[str] = "Try again; if it persists, report it with the request id."


# --- what a caller can mend ----------------------------------------------------------------------


class CallerError(CalotypeError):
    """The request is at fault; nothing was stored and nothing was charged."""

    code = "bad_request"
    mender = Mender.CALLER
    cure = "Change the request as the message says."


_LONGEST_POINTER = 400
_MOST_PROBLEMS = 50
"""An answer stays small, whatever was sent."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one field: a JSON pointer, the rule broken, and a sentence."""

    pointer: str
    rule: str
    message: str


class InvalidInputError(CallerError):
    """One or more fields break a rule."""

    code = "invalid_input"
    cure = "Mend each field listed in errors; the input model of a kind is at /native/v1/kinds."

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems[:_MOST_PROBLEMS])
        super().__init__("; ".join(f"{p.pointer or 'the body'}: {p.message}" for p in self.problems))

    @classmethod
    def at(cls, pointer: str, rule: str, message: str) -> InvalidInputError:
        """Return the error for a single field."""
        return cls([Problem(pointer[:_LONGEST_POINTER], rule, message)])


class MalformedRequestError(CallerError):
    """What was sent is no HTTP that we read."""

    code = "malformed_request"
    cure = "Send HTTP/1.1, and to this port without TLS."

    def __init__(self) -> None:
        super().__init__("This is no HTTP request that can be read.")


class HeadTooLargeError(CallerError):
    """The request line and headers are more than we read."""

    code = "head_too_large"
    cure = "Send fewer and shorter headers."

    def __init__(self, size: int, headers: int) -> None:
        super().__init__(f"The head of a request may have {size:,} bytes and {headers} headers.")


class TooManyConnectionsError(CallerError):
    """The caller's address has as many connections open as it may."""

    code = "too_many_connections"
    is_retryable = True
    cure = "Close or reuse connections; an operator lists a proxy in server.trusted_proxies, or raises the setting."

    def __init__(self, most: int) -> None:
        super().__init__(f"Your address has {most} connections open already, the most there may be.")


class MalformedBodyError(CallerError):
    """The body cannot be read at all."""

    code = "malformed_body"
    cure = "Send a JSON object in UTF-8."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The body cannot be read: {reason}.")


class BodyTooLargeError(CallerError):
    """The body has more bytes than this operation takes."""

    code = "body_too_large"
    cure = "Send fewer bytes, or upload files to /native/v1/assets first."

    def __init__(self, limit: int) -> None:
        self.limit = limit
        super().__init__(f"The body is larger than the {limit:,} bytes this operation takes.")


class UnsupportedFormatError(CallerError):
    """The body is in a format this operation does not take."""

    code = "unsupported_format"
    cure = "Send the body in one of the formats the message names, with a Content-Type that says so."

    def __init__(self, formats: Collection[str]) -> None:
        super().__init__(f"This operation takes {' or '.join(sorted(formats))}.")


class FileTooLargeError(BodyTooLargeError):
    """A file part has more bytes than we take."""

    code = "file_too_large"
    cure = "Send a smaller file."


class MethodNotAllowedError(CallerError):
    """The path is there, for other methods."""

    code = "method_not_allowed"
    cure = "Use one of the methods in the Allow header."

    def __init__(self, allowed: Sequence[str] = ()) -> None:
        self.allowed = tuple(allowed)
        super().__init__(f"This path takes {', '.join(allowed)}.")


class UnknownPathError(CallerError):
    """No operation has this path."""

    code = "unknown_path"
    cure = "See the reference at /docs."
    noun: ClassVar[str] = "path"

    def __init__(self) -> None:
        super().__init__("There is nothing at this path.")


class UnknownParameterError(CallerError):
    """The query names a parameter that the operation does not have."""

    code = "unknown_parameter"
    cure = "Use the parameters that the message names."

    def __init__(self, name: str, known: Sequence[str]) -> None:
        super().__init__(f"There is no parameter {name[:80]!r}; this operation takes {', '.join(known)}.")


class UnknownKindError(CallerError):
    """No such kind of job, or none that this server can make."""

    code = "unknown_kind"
    cure = "Use one of the kinds listed at /native/v1/kinds."

    def __init__(self, kind: str, known: Sequence[str]) -> None:
        self.kind = kind
        super().__init__(f"There is no kind {kind[:80]!r}; this server makes {', '.join(known)}.")


class UnknownModelError(CallerError):
    """No such model, or it does not make this kind."""

    code = "unknown_model"
    cure = "Use one of the models listed at /native/v1/models."

    def __init__(self, model: str, kind: str) -> None:
        self.model = model
        super().__init__(f"No model {model[:80]!r} makes the kind {kind!r} here.")


class InvalidImageError(CallerError):
    """A file is no image we read, or it breaks a limit."""

    code = "invalid_image"
    cure = "Send a PNG, JPEG, WebP, AVIF, GIF or HEIC within the limits."
    noun: ClassVar[str] = "image"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The {self.noun} cannot be used: {reason}.")


class InvalidClipError(InvalidImageError):
    """A file is no video or recording we read, or it breaks a limit."""

    code = "invalid_clip"
    cure = "Send an MP4, WebM, MOV, MP3, WAV, OGG or M4A within the limits."
    noun = "video or recording"


class OutboundForbiddenError(CallerError):
    """A URL that this server does not call: `rule` says which rule it breaks, never what its name leads to."""

    code = "url_not_allowed"
    cure = "Give an http or https URL of a public host; an operator may allow more by outbound.allow_subnets."

    _RULES: ClassVar[dict[str, str]] = {
        "malformed": "it is not written as a URL is",
        "scheme": "it does not begin with http:// or https://",
        "plain_http": "this server calls https only",
        "userinfo": "it holds a user name or a password",
        "host": "its host is no name and no address in the usual form",
        "port": "its port is not one for HTTP",
        "address": "its host is not public",
    }

    def __init__(self, rule: str, named: str = "The URL") -> None:
        self.rule = rule
        super().__init__(f"{named} cannot be called: {self._RULES[rule]}.")

    def about(self, pointer: str) -> OutboundForbiddenError:
        """Return the same error, saying which field holds the URL."""
        return OutboundForbiddenError(self.rule, pointer)


class OutboundFailedError(CallerError):
    """A call to a URL that a user gave went wrong: `reason` is one word, the sentence says it for people."""

    code = "url_failed"
    is_retryable = True
    cure = "Check that the URL answers from the internet with the file itself, or upload the file to /native/v1/assets."

    _REASONS: ClassVar[dict[str, str]] = {
        "dns": "its host has no address",
        "refused": "no connection can be made",
        "tls": "its certificate or its TLS is not accepted",
        "timeout": "it does not answer in time",
        "broken": "the connection broke",
        "protocol": "what it answers is not HTTP",
        "status": "it answers with an error",
        "redirects": "it redirects too often, or to nowhere",
        "media_type": "it does not answer with a file of the kind that is asked for",
        "encoding": "it answers with a packed body, which was not asked for",
        "too_large": "what it answers is too large",
    }

    def __init__(self, reason: str, detail: str | None = None, named: str = "The URL") -> None:
        self.reason = reason
        self.detail = detail
        super().__init__(f"{named} could not be read: {detail or self._REASONS[reason]}.")

    def about(self, pointer: str) -> OutboundFailedError:
        """Return the same error, saying which field holds the URL."""
        return OutboundFailedError(self.reason, self.detail, pointer)


class NotAuthenticatedError(CallerError):
    """The key is missing, unknown, revoked or expired; which one is not said."""

    code = "invalid_key"
    cure = "Send a valid key as Authorization: Bearer KEY; `calotype keys create NAME` makes one."

    def __init__(self) -> None:
        super().__init__("The API key is missing or not valid.")


class InactiveUserError(CallerError):
    """The key is good, its user or account is not active."""

    code = "inactive_user"
    cure = "Ask the operator to activate the user."

    def __init__(self) -> None:
        super().__init__("The user of this key is not active.")


class ForbiddenError(CallerError):
    """The key lacks the scope."""

    code = "forbidden"
    cure = "Use a key with that scope."

    def __init__(self, scope: str) -> None:
        self.scope = scope
        super().__init__(f"This key does not have the scope {scope!r}.")


class InactiveKeyError(CallerError):
    """The key is known and was deactivated; it may be activated again."""

    code = "inactive_key"
    cure = "Ask the operator: `calotype keys reactivate KEY_ID`."

    def __init__(self) -> None:
        super().__init__("This API key is not active.")


class RateLimitedError(CallerError):
    """More requests than the key's or the account's plan, or this server, allows; nothing was stored and nothing charged."""

    code = "rate_limited"
    is_retryable = True
    cure = "Wait as long as Retry-After says; the RateLimit headers say what is left. `GET /native/v1/account` shows the limits."

    def __init__(self, policy: str, requests: int, per: timedelta, pause: timedelta, until_full: timedelta) -> None:
        self.policy = policy
        self.requests = requests
        self.per = per
        self.pause = pause
        self.until_full = until_full
        span = "second" if per == timedelta(seconds=1) else f"{per.total_seconds():g} seconds"
        super().__init__(f"There are more requests than the {requests} in each {span} that {policy!r} allows.")


class TooManyWaitingError(CallerError):
    """As many jobs wait as the key or the account may have waiting; nothing was stored and nothing charged."""

    code = "too_many_waiting"
    is_retryable = True
    cure = "Wait until some of them have started, or cancel one."

    def __init__(self, most: int, noun: str) -> None:
        self.most = most
        super().__init__(f"This {noun} has {most} job{'' if most == 1 else 's'} waiting, the most there may be.")


class InsufficientCreditsError(CallerError):
    """The price is above what the account may spend."""

    code = "insufficient_credits"
    cure = "Add credits: `calotype credits grant ACCOUNT N`."

    def __init__(self, price: int, balance: int) -> None:
        self.price = price
        self.balance = balance
        super().__init__(f"This job costs {price} credit{'' if price == 1 else 's'} and the balance is {balance}.")


class SpendCapReachedError(CallerError):
    """The price is above what the key or the account may still spend in this window; nothing was stored and nothing charged."""

    code = "spend_cap_reached"
    cure = "Wait for the next window, or have the cap raised: `calotype keys cap KEY_ID N`, `calotype credits cap ACCOUNT N`."

    def __init__(self, *, price: int, spent: int, cap: int, window: str, noun: str) -> None:
        self.price = price
        self.spent = spent
        self.cap = cap
        self.window = window
        span = "in all" if window == "total" else f"a {window}"
        super().__init__(
            f"This job costs {price} credit{'' if price == 1 else 's'}, and the {noun} has spent {spent} of {cap} {span}."
        )


class NotFoundError(CallerError):
    """No such thing, or it belongs to someone else: the two are answered alike."""

    code = "not_found"
    cure = "Check the id and the key."

    def __init__(self, noun: str = "job") -> None:
        self.noun = noun
        super().__init__(f"There is no such {noun}.")


class GoneError(CallerError):
    """It existed and was erased."""

    code = "gone"
    cure = "Submit the job again."

    def __init__(self, noun: str = "asset") -> None:
        super().__init__(f"The {noun} has expired or was deleted.")


class InvalidLinkError(CallerError):
    """A signed URL was changed or is past its time."""

    code = "invalid_link"
    cure = "Read the job again for a fresh link."

    def __init__(self) -> None:
        super().__init__("The link is not valid or has expired.")


class InvalidWebhookError(CallerError):
    """A webhook was not signed with this secret, or not just now."""

    code = "invalid_webhook"
    cure = "Check the secret, pass the body's bytes as they came, and answer 400 to the sender."

    def __init__(self, reason: str) -> None:
        super().__init__(f"The webhook cannot be trusted: {reason}.")


class IdempotencyMismatchError(CallerError):
    """The key was used before with another submission."""

    code = "idempotency_mismatch"
    cure = "Use a new Idempotency-Key for a new submission."

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key was used before with a different submission.")


_WITH_HAS = frozenset({"succeeded", "failed", "expired"})
_PASSIVE = {"cancel": "be cancelled", "erase": "be erased", "retry": "be tried again", "claim": "be claimed"}


class TooManyStreamsError(CallerError):
    """The key has as many event streams open as it may."""

    code = "too_many_streams"
    is_retryable = True
    cure = "Close a stream, or read all jobs from the one at /native/v1/events."

    def __init__(self, most: int) -> None:
        super().__init__(f"This key has {most} event streams open already, the most there may be.")


class TooManyEndpointsError(CallerError):
    """The account has as many webhook endpoints as it may."""

    code = "too_many_endpoints"
    cure = "Delete an endpoint that is no longer used."

    def __init__(self, most: int) -> None:
        super().__init__(f"This account has {most} webhook endpoints, the most there may be.")


class IllegalTransitionError(CallerError):
    """The job's state does not allow the event."""

    code = "illegal_transition"
    cure = "Read the job; a terminal job never changes."

    def __init__(self, state: str, event: str) -> None:
        self.state = state
        self.event = event
        stands = f"has {state}" if state in _WITH_HAS else f"is {state}"
        super().__init__(f"A job that {stands} cannot {_PASSIVE.get(event, event.replace('_', ' '))}.")


# --- what the operator can mend ------------------------------------------------------------------


class OperatorError(CalotypeError):
    """The machine or its configuration is at fault. `exit_code` is what a command exits with."""

    code = "server_unavailable"
    mender = Mender.OPERATOR
    exit_code: ClassVar[int] = 7
    cure = "See the server's log."


class ConfigError(OperatorError):
    """A setting is unknown or has a bad value."""

    code = "bad_config"
    exit_code = 2
    cure = "Mend the setting the message names."

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class DataFolderError(OperatorError):
    """The data folder cannot be used."""

    code = "data_folder"
    cure = "Give a folder this user may write, or stop the server that holds it."

    def __init__(self, folder: Path | str, reason: str) -> None:
        self.folder = folder
        super().__init__(f"The data folder {folder} cannot be used: {reason}.")


class PortInUseError(OperatorError):
    """Another program listens there."""

    code = "port_in_use"
    cure = "Choose another port with --port."

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"{host}:{port} is in use by another program; choose another port with --port.")


class DatabaseUnavailableError(OperatorError):
    """PostgreSQL does not answer."""

    code = "database_unavailable"
    is_retryable = True
    cure = "Start PostgreSQL or check the database URL; nothing acknowledged is lost."

    def __init__(self, reason: str = "it does not answer") -> None:
        super().__init__(f"The database cannot be reached: {reason}.")


class DiskFullError(OperatorError):
    """No room to store an asset safely."""

    code = "disk_full"
    is_retryable = True
    cure = "Free space on the asset store's disk."

    def __init__(self, reason: str = "the disk is full") -> None:
        super().__init__(f"There is no room to store files: {reason}.")


class ServerFullError(OperatorError):
    """As many connections are open as there may be."""

    code = "server_full"
    is_retryable = True
    cure = "Try again soon; the setting server.max_connections and the limit of open files say how many there may be."

    def __init__(self) -> None:
        super().__init__("The server has as many connections open as it may.")


class AssetUnavailableError(OperatorError):
    """The asset store does not answer, or an object that should be there is not."""

    code = "asset_unavailable"
    is_retryable = True
    cure = "Check the asset store."

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"The stored file {key} is not available: {reason}.")


# --- how a job fails -----------------------------------------------------------------------------


class JobFailure(CalotypeError):  # noqa: N818 - the glossary's word: a failure ends a job, it does not refuse a request
    """The engine cannot do this job; its hold is given back."""

    code = "engine_failed"


class ContentRefusedError(JobFailure):
    """The content policy refused the job before any engine saw it."""

    code = "content_refused"
    mender = Mender.CALLER
    cure = "Change the prompt."

    def __init__(self) -> None:
        super().__init__("The content policy of this server refuses this prompt.")


class EngineError(JobFailure):
    """The engine cannot do this job; another attempt would end the same."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)


class TransientEngineError(EngineError):
    """The engine failed, and another attempt may help."""

    code = "engine_failed_for_now"
    is_retryable = True


class ChildDiedError(TransientEngineError):
    """The engine's process ended without an answer: a crash, or the kernel's out-of-memory killer."""

    code = "engine_died"

    def __init__(self, how: str) -> None:
        super().__init__(f"The engine's process ended: {how}")


class OutOfMemoryError(TransientEngineError):
    """The engine ran out of memory."""

    code = "out_of_memory"

    def __init__(self, reason: str = "the engine ran out of memory") -> None:
        super().__init__(reason)


class DeadlineExceededError(JobFailure):
    """The job did not end within its deadline."""

    code = "deadline_exceeded"
    mender = Mender.CALLER
    cure = "Give a longer deadline."

    def __init__(self) -> None:
        super().__init__("The job did not end within its deadline.")


class AttemptsExhaustedError(JobFailure):
    """Every attempt was lost."""

    code = "attempts_exhausted"

    def __init__(self, attempts: int, last: str) -> None:
        super().__init__(f"All {attempts} attempts failed; the last one: {last}")


class LapsedError(CalotypeError):
    """An attempt was lost with its worker."""

    code = "attempt_lost"
    is_retryable = True

    def __init__(self, how: str) -> None:
        super().__init__(f"The attempt was lost: {how}.")


class LeaseLostError(CalotypeError):
    """Another attempt holds the job: this worker's result is refused."""

    code = "lease_lost"

    def __init__(self) -> None:
        super().__init__("Another attempt holds this job.")
