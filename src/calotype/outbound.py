"""The one way out to an address that somebody gave us: a webhook's receiver, a picture's URL.

A name is resolved once, every address it has is checked, and the connection goes to one of those very addresses; the peer is
looked at again before a byte is sent. Nothing is kept between calls: no cookies, no connections, no proxy of the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urljoin

import httpcore2
import httpx2

from calotype.config import OutboundSettings
from calotype.errors import OutboundFailedError, OutboundForbiddenError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

LONGEST_URL = 2_048
_MOST_ADDRESSES = 32
_TRIED_ADDRESSES = 3
_PATIENCE_OF_A_CONNECT = 5.0
"""Seconds for each of a name's addresses."""
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOW_PORTS = frozenset(_DEFAULT_PORTS.values())
# where something listens that takes a request for its own language: the high ones among those that browsers refuse, and databases
_REFUSED_PORTS = frozenset(
    {1719, 1720, 1723, 2049, 3306, 3659, 4045, 4190, 5060, 5061, 5432, 6000, 6379, 6566, *range(6665, 6670), 6679, 6697}
    | {10080, 11211, 27017}
)
_AUTHORITY = re.compile(r"(?i:https?)://(\[[0-9A-Fa-f:.]+\]|[^\s\[\]/?#@:\\%]+)(?::([0-9]{1,5}))?(?:[/?#]|\Z)")
_NAME = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOOKS_LIKE_A_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OURS = frozenset({"host", "connection", "accept-encoding", "content-length", "transfer-encoding"})

# IANA's special-purpose registries as of 2026, and one address of a cloud's own: written down, since Python's idea of a public
# address differs between its versions
_SPECIAL: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
        "192.0.2.0/24", "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24",
        "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "168.63.129.16/32",                                                   # Azure's platform, on every machine there
        "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",  # Teredo and 6to4 among them
    )
)  # fmt: skip
_GLOBAL_IPV6 = ipaddress.IPv6Network("2000::/3")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

# getaddrinfo blocks, for as long as a hostile name server likes: it has threads of its own, and one lookup a name
_RESOLVERS = ThreadPoolExecutor(max_workers=64, thread_name_prefix="resolve")


@dataclass(frozen=True, slots=True)
class Limits:
    """What a call may take: bytes of the answer's body, time in all, time without a byte; redirects and media types of a fetch.

    `media_types` are beginnings ("image/"); none = any. A Content-Type that is missing passes: the content decides.
    """

    read: int = 65_536
    total: timedelta = timedelta(seconds=15)
    silence: timedelta = timedelta(seconds=10)
    redirects: int = 0
    media_types: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: `host` is an ASCII name without a last dot, or an address; `resource` is path and query."""

    scheme: str
    host: str
    port: int
    resource: str
    address: Address | None

    @property
    def authority(self) -> str:
        """Return what stands in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """Return the URL as it is called."""
        return f"{self.scheme}://{self.authority}{self.resource}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said; names of headers are lower case. `is_whole`: the body ended within the limits."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    elapsed: timedelta
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file on disk, as received: its Content-Type is what the sender calls it, "" where it says nothing."""

    path: Path
    size: int
    media_type: str
    final_url: str


class Outbound:
    """Calls and fetches within the operator's settings.

    `trust` verifies certificates (None = as the system does); `resolve` returns a name's addresses, none for no such name.
    """

    def __init__(
        self,
        settings: OutboundSettings,
        trust: ssl.SSLContext | None = None,
        resolve: Callable[[str], tuple[Address, ...]] | None = None,
    ) -> None:
        self._allowed = tuple(ipaddress.ip_network(subnet) for subnet in settings.allow_subnets)
        self._allows_http = settings.allow_http
        self._trust = trust
        self._resolve = resolve or _resolve
        self._lookups: dict[str, asyncio.Future[tuple[Address, ...]]] = {}

    def check_url(self, url: str) -> Target:
        """Take a URL apart, or raise `OutboundForbiddenError`; nothing is resolved, an address in it is checked."""
        target = target_of(url)
        if target.scheme == "http" and not self._allows_http:
            raise OutboundForbiddenError("plain_http")
        if target.address is not None:
            self._check_address(target.address)
        return target

    async def check(self, url: str, *, patience: timedelta = timedelta(seconds=5)) -> None:
        """Check a URL and every address its name has now; raise `OutboundForbiddenError`, or `OutboundFailedError` for no name."""
        target = self.check_url(url)
        with _failures():
            async with asyncio.timeout(patience.total_seconds()):
                await self._addresses(target)

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], content: bytes | None = None, *, limits: Limits
    ) -> Answer:
        """Return the answer, whatever its status: no redirect is followed, and what the body has beyond the limits is not read.

        Raises `OutboundForbiddenError` before, `OutboundFailedError` when no answer's head arrives in time.
        """
        loop = asyncio.get_running_loop()
        begun = loop.time()
        body = bytearray()
        with _failures():
            async with contextlib.AsyncExitStack() as call:
                async with asyncio.timeout(limits.total.total_seconds()) as time:
                    calling = self._calling(method, self.check_url(url), headers, content, limits)
                    response = await call.enter_async_context(calling)
                is_whole = await _read_some(response, body, limits.read, time.when())
        elapsed = timedelta(seconds=loop.time() - begun)
        return Answer(response.status, _headers_of(response), bytes(body), elapsed, is_whole)

    async def fetch(self, url: str, path: Path, *, limits: Limits) -> Fetched:
        """Write what a URL holds to a new file, following redirects, each checked as the first; on an error no file is left.

        Raises `OutboundForbiddenError` and `OutboundFailedError`.
        """
        try:
            with _failures():
                async with asyncio.timeout(limits.total.total_seconds()):
                    return await self._follow(url, path, limits)
        except BaseException:
            path.unlink(missing_ok=True)  # noqa: ASYNC240 - one quick call, and in a cancelled task the only kind that is sure to happen
            raise

    async def _follow(self, url: str, path: Path, limits: Limits) -> Fetched:
        for _ in range(limits.redirects + 1):
            target = self.check_url(url)
            async with self._calling("GET", target, {"accept": "*/*"}, None, limits) as response:
                headers = _headers_of(response)
                if response.status not in _REDIRECTS:
                    return await _store(response, headers, target, path, limits)
            url = _next_url(target, headers)
        raise OutboundFailedError("redirects")

    @contextlib.asynccontextmanager
    async def _calling(
        self, method: str, target: Target, headers: Mapping[str, str], content: bytes | None, limits: Limits
    ) -> AsyncIterator[httpcore2.Response]:
        silence = limits.silence.total_seconds()
        connection = httpcore2.AsyncHTTPConnection(
            httpcore2.Origin(target.scheme.encode(), target.host.encode(), target.port),
            ssl_context=self._trust_of(target),
            network_backend=_Pinned(await self._addresses(target)),
        )
        request = httpcore2.Request(
            method,
            httpcore2.URL(scheme=target.scheme, host=target.host, port=target.port, target=target.resource),
            headers=_wire_headers(target, headers, content),
            content=content,
            extensions={"timeout": {"connect": _PATIENCE_OF_A_CONNECT, "read": silence, "write": silence}},
        )
        try:
            yield await connection.handle_async_request(request)
        finally:
            await connection.aclose()

    def _trust_of(self, target: Target) -> ssl.SSLContext | None:
        if target.scheme == "https" and self._trust is None:
            self._trust = (
                httpx2.create_ssl_context()
            )  # reading the system's certificates takes a while: once, when needed
        return self._trust

    async def _addresses(self, target: Target) -> tuple[Address, ...]:
        """Return the addresses to connect to; one that may not be called spoils them all."""
        if target.address is not None:
            return (target.address,)
        lookup = self._lookups.get(target.host)
        if lookup is None:
            lookup = asyncio.get_running_loop().run_in_executor(_RESOLVERS, self._resolve, target.host)
            self._lookups[target.host] = lookup
            lookup.add_done_callback(lambda _: self._lookups.pop(target.host))
        found = await asyncio.shield(lookup)
        if not found:
            raise OutboundFailedError("dns")
        for address in found:
            self._check_address(address)
        return found[:_TRIED_ADDRESSES]

    def _check_address(self, address: Address) -> None:
        if not may_call(address, self._allowed):
            raise OutboundForbiddenError("address")


def target_of(url: str) -> Target:
    """Take a URL apart; raise `OutboundForbiddenError` for one that two readers might read differently."""
    if len(url) > LONGEST_URL or "\\" in url:
        raise OutboundForbiddenError("malformed")
    written = _AUTHORITY.match(url)
    if written is None:
        raise OutboundForbiddenError(_what_is_wrong(url))
    try:
        parsed = httpx2.URL(url)
        resource = parsed.raw_path.decode("ascii")
    except (httpx2.InvalidURL, ValueError):
        raise OutboundForbiddenError("malformed") from None
    host, address = _host_of(parsed.raw_host.decode("ascii"))
    return Target(parsed.scheme, host, _port_of(written[2], parsed.scheme), resource, address)


def may_call(address: Address, allowed: Iterable[Network] = ()) -> bool:
    """Return whether an address is public, or in a subnet that the operator allows."""
    plain = _unwrapped(address)
    if any(plain in subnet for subnet in allowed):
        return True
    if plain.version == 6 and plain not in _GLOBAL_IPV6:
        return False
    return not any(plain in network for network in _SPECIAL)


def _unwrapped(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for: a mapped one, and one behind the well-known NAT64 prefix."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _what_is_wrong(url: str) -> str:
    scheme, found, rest = url.partition("://")
    if not found or scheme.lower() not in _DEFAULT_PORTS:
        return "scheme"
    return "userinfo" if "@" in re.split(r"[/?#]", rest, maxsplit=1)[0] else "host"


def _host_of(written: str) -> tuple[str, Address | None]:
    """Return the host, and the address it is, if any; other ways to write an address are refused, not understood."""
    host = written.removesuffix(".")
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return str(address), address
    if _NAME.fullmatch(host) is None or len(host) > 253 or _LOOKS_LIKE_A_NUMBER.fullmatch(host.rpartition(".")[2]):
        raise OutboundForbiddenError("host")
    return host, None


def _port_of(written: str | None, scheme: str) -> int:
    port = int(written or _DEFAULT_PORTS[scheme])
    if port > 65_535 or (port < 1_024 and port not in _LOW_PORTS) or port in _REFUSED_PORTS:
        raise OutboundForbiddenError("port")
    return port


def _resolve(host: str) -> tuple[Address, ...]:
    """Return every address of a name, in the system's order; none when there is no such name."""
    try:
        found = socket.getaddrinfo(host.encode(), None, type=socket.SOCK_STREAM)
    except OSError:
        return ()
    # a scope ("%eth0") is no part of what is checked, and no address that has one is public
    addresses = dict.fromkeys(ipaddress.ip_address(str(place[0]).partition("%")[0]) for *_, place in found)
    return tuple(addresses)[:_MOST_ADDRESSES]


class _Pinned(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were checked, whatever the name says by now."""

    def __init__(self, addresses: tuple[Address, ...]) -> None:
        self._addresses = addresses
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - it was resolved before, and is not again
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connect to the first address that answers."""
        failure: Exception | None = None
        for address in self._addresses:
            try:
                stream = await self._network.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
            else:
                return await _seen_at(stream, address)
        assert failure is not None, "there is at least one address"
        raise failure


async def _seen_at(stream: httpcore2.AsyncNetworkStream, address: Address) -> httpcore2.AsyncNetworkStream:
    """Return the connection, whose other end is at this address; leave one that was led elsewhere."""
    peer = ipaddress.ip_address(str(stream.get_extra_info("server_addr")[0]).partition("%")[0])
    if _unwrapped(peer) != _unwrapped(address):
        await stream.aclose()
        raise OutboundForbiddenError("address")
    return stream


def _wire_headers(target: Target, headers: Mapping[str, str], content: bytes | None) -> list[tuple[bytes, bytes]]:
    wire = {name.lower(): value for name, value in headers.items() if name.lower() not in _OURS}
    wire = {"host": target.authority, "user-agent": "Calotype"} | wire
    # one call, one connection; and nothing packed, so that a small answer cannot become a large one
    wire |= {"connection": "close", "accept-encoding": "identity"}
    if content is not None:
        wire["content-length"] = str(len(content))
    return [(name.encode("latin-1"), value.encode("utf-8")) for name, value in wire.items()]


def _headers_of(response: httpcore2.Response) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}


async def _read_some(response: httpcore2.Response, body: bytearray, most: int, until: float | None) -> bool:
    """Read up to that many bytes; return whether that was all. The head has answered, so a body that stalls or breaks is cut."""
    try:
        async with asyncio.timeout_at(until), contextlib.aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                body += chunk[: most - len(body)]
                if len(body) >= most:
                    return False
    except (TimeoutError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
        return False
    return True


async def _store(
    response: httpcore2.Response, headers: Mapping[str, str], target: Target, path: Path, limits: Limits
) -> Fetched:
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    _check_head(response.status, headers, media_type, limits)
    size = 0
    with path.open("wb") as file:
        async with contextlib.aclosing(response.aiter_stream()) as chunks:
            async for chunk in chunks:
                size += len(chunk)
                if size > limits.read:
                    raise OutboundFailedError("too_large")
                await asyncio.to_thread(file.write, chunk)
    return Fetched(path, size, media_type, target.url)


def _check_head(status: int, headers: Mapping[str, str], media_type: str, limits: Limits) -> None:
    if status != 200:
        raise OutboundFailedError("status", f"it answered {status}")
    if headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
        raise OutboundFailedError("encoding")
    if media_type and limits.media_types and not media_type.startswith(limits.media_types):
        raise OutboundFailedError("media_type")
    if int(headers.get("content-length", "0")) > limits.read:
        raise OutboundFailedError("too_large")


def _next_url(target: Target, headers: Mapping[str, str]) -> str:
    location = headers.get("location", "")
    if not location:
        raise OutboundFailedError("redirects")
    return urljoin(target.url, location.partition("#")[0])


_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (httpcore2.TimeoutException, "timeout"),
    (TimeoutError, "timeout"),
    (httpcore2.ConnectError, "refused"),
    (httpcore2.NetworkError, "broken"),
    (httpcore2.ProtocolError, "protocol"),
)


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Word what the network raises."""
    try:
        yield
    except tuple(kind for kind, _ in _WORDS) as error:
        is_tls = isinstance(error.__cause__, ssl.SSLError)
        word = "tls" if is_tls else next(word for kind, word in _WORDS if isinstance(error, kind))
        raise OutboundFailedError(word) from error
