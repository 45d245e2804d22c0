from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from calotype import outbound
from calotype.clock import SystemClock
from calotype.config import OutboundSettings, read_settings
from calotype.errors import ConfigError, OutboundFailedError, OutboundForbiddenError
from calotype.outbound import Address, Limits, Outbound, may_call, target_of
from sites import Script, answer, site

HERE = OutboundSettings(allow_subnets=("127.0.0.0/8", "::1/128"))
PUBLIC_ONLY = OutboundSettings()
QUICK = Limits(total=timedelta(seconds=5), silence=timedelta(seconds=5))


def names(**known: str) -> Callable[[str], tuple[Address, ...]]:
    """Return a resolver that knows these hosts (dots written as _), each with addresses parted by blanks."""
    table = {name.replace("_", "."): tuple(map(ip_address, found.split())) for name, found in known.items()}
    return lambda host: table.get(host, ())


async def get(way: Outbound, url: str, limits: Limits = QUICK) -> outbound.Answer:
    return await way.send("GET", url, {}, limits=limits)


# --- which URLs --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("ftp://example.com/", "scheme"),
        ("file:///etc/passwd", "scheme"),
        ("gopher://example.com/_x", "scheme"),
        ("//example.com/", "scheme"),
        ("example.com", "scheme"),
        ("", "scheme"),
        ("http:/example.com/", "scheme"),
        ("http://", "host"),
        ("http:///path", "host"),
        ("http://user@example.com/", "userinfo"),
        ("http://user:secret@example.com/", "userinfo"),
        ("http://public.example@127.0.0.1/", "userinfo"),
        ("http://example.com\\@127.0.0.1/", "malformed"),
        ("http://example.com/\\evil", "malformed"),
        ("http://exa mple.com/", "host"),
        ("http://example.com/a\x00b", "malformed"),
        ("http://example.com/a\r\nHost: evil", "malformed"),
        ("http://example.com:0/", "port"),
        ("http://example.com:22/", "port"),
        ("http://example.com:6379/", "port"),
        ("http://example.com:65536/", "port"),
        ("http://example.com:\uff18\uff10/", "host"),  # full-width digits
        ("http://example.com:-1/", "host"),
        ("http://example.com:80:80/", "host"),
        ("http://2130706433/", "host"),
        ("http://0x7f000001/", "host"),
        ("http://0x7f.0.0.1/", "host"),
        ("http://017700000001/", "host"),
        ("http://127.1/", "host"),
        ("http://127.0.1/", "host"),
        ("http://0/", "host"),
        ("http://0177.0.0.1/", "malformed"),
        ("http://127.0.0.1../", "host"),
        ("http://127.0.0.256/", "malformed"),
        ("http://1.2.3.4.5/", "host"),
        ("http://example.0x7f/", "host"),
        ("http://[fe80::1%25eth0]/", "host"),
        ("http://[::1%eth0]/", "host"),
        ("http://[127.0.0.1]/", "malformed"),
        ("http://[::1/", "host"),
        ("http://::1/", "host"),
        ("http://%31%32%37.0.0.1/", "host"),
        ("http://\uff11\uff12\uff17.0.0.1/", "malformed"),
        ("http://ⓛocalhost/", "malformed"),
        ("http://-bad.example/", "host"),
        ("http://.example/", "host"),
        ("http://a..example/", "host"),
        (f"http://{'a' * 64}.example/", "host"),
        (f"http://{'a.' * 127}example/", "host"),
        (f"http://example.com/{'a' * 2100}", "malformed"),
    ],
)
def test_a_url_that_two_readers_might_read_differently_is_refused(url: str, rule: str) -> None:
    with pytest.raises(OutboundForbiddenError) as refused:
        target_of(url)

    assert refused.value.rule == rule


@pytest.mark.parametrize(
    ("url", "called"),
    [
        ("http://example.com", "http://example.com/"),
        ("HTTPS://Example.COM./a?b=c#fragment", "https://example.com/a?b=c"),
        ("http://example.com:8080/x y", "http://example.com:8080/x%20y"),
        ("http://example.com:80/", "http://example.com/"),
        ("https://bücher.example/ä", "https://xn--bcher-kva.example/%C3%A4"),
        ("https://[2606:4700:0:0::1111]:8443/", "https://[2606:4700::1111]:8443/"),
        ("http://8.8.8.8?q", "http://8.8.8.8/?q"),
        ("https://under_score.example/@user", "https://under_score.example/@user"),
        ("https://xn--bcher-kva.example/", "https://xn--bcher-kva.example/"),
    ],
)
def test_an_ordinary_url_is_called_as_it_is_written(url: str, called: str) -> None:
    assert target_of(url).url == called


@pytest.mark.parametrize("form", ["127\u30020\u30020\u30021", "127\uff0e0\uff0e0\uff0e1", "127.0.0.1."])
def test_unicode_dots_make_an_address_that_is_checked_as_one(form: str) -> None:
    with pytest.raises(OutboundForbiddenError) as refused:
        Outbound(PUBLIC_ONLY).check_url(f"http://{form}/")

    assert refused.value.rule in ("address", "malformed")


@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0",
        "10.1.2.3",
        "100.100.100.200",
        "127.0.0.1",
        "127.9.9.9",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::127.0.0.1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::127.0.0.1",
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::8.8.8.8",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "5f00::1",
    ],
)
def test_an_address_that_is_not_public_may_not_be_called(address: str) -> None:
    assert not may_call(ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"])
def test_a_public_address_may_be_called(address: str) -> None:
    assert may_call(ip_address(address))


@pytest.mark.parametrize("address", ["10.1.2.3", "::ffff:10.1.2.3"])
def test_an_operator_may_allow_a_subnet_and_only_that(address: str) -> None:
    allowed = [ip_network("10.1.2.0/24")]

    assert may_call(ip_address(address), allowed)
    assert not may_call(ip_address("10.1.3.1"), allowed)


def test_a_subnet_that_is_none_is_a_bad_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALOTYPE_OUTBOUND__ALLOW_SUBNETS", '["10.0.0.1/8"]')

    with pytest.raises(ConfigError, match=r"outbound.allow_subnets.0: .*10.0.0.1/8 has host bits set"):
        read_settings()


def test_an_operator_may_forbid_plain_http() -> None:
    way = Outbound(OutboundSettings(allow_http=False))

    assert way.check_url("https://example.com/").port == 443
    with pytest.raises(OutboundForbiddenError) as refused:
        way.check_url("http://example.com/")
    assert refused.value.rule == "plain_http"


# --- names -------------------------------------------------------------------------------------------


def test_one_forbidden_address_among_many_spoils_a_name() -> None:
    way = Outbound(PUBLIC_ONLY, resolve=names(mixed_example="8.8.8.8 10.0.0.1"))

    with pytest.raises(OutboundForbiddenError) as refused:
        asyncio.run(way.check("http://mixed.example/"))
    assert refused.value.rule == "address"
    assert "10.0.0.1" not in str(refused.value), "what a name leads to is not for the caller"


def test_a_name_with_public_addresses_passes_the_check() -> None:
    asyncio.run(
        Outbound(PUBLIC_ONLY, resolve=names(good_example="8.8.8.8 2606:4700::1111")).check("https://good.example")
    )


def test_a_name_without_an_address_fails_as_such() -> None:
    with pytest.raises(OutboundFailedError) as failed:
        asyncio.run(Outbound(PUBLIC_ONLY, resolve=names()).check("https://nothing.example"))
    assert failed.value.reason == "dns"


def test_the_system_resolves_names_where_nothing_else_is_said() -> None:
    with pytest.raises(OutboundForbiddenError) as refused:
        asyncio.run(Outbound(PUBLIC_ONLY).check("http://localhost/"))
    assert refused.value.rule == "address"


def test_what_the_system_cannot_resolve_has_no_address() -> None:
    assert outbound._resolve("a" * 300) == ()


def test_a_name_server_that_stalls_is_given_up_and_asked_once() -> None:
    asked = []

    async def both() -> list[object]:
        loop = asyncio.get_running_loop()
        answered = asyncio.Event()

        def stall(host: str) -> tuple[Address, ...]:
            asked.append(host)
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(20)
            return ()

        way = Outbound(PUBLIC_ONLY, resolve=stall)
        calls = [way.check("http://slow.example/", patience=timedelta(milliseconds=50)) for _ in range(2)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        answered.set()
        await next(iter(way._lookups.values()))
        return list(outcomes)

    outcomes = asyncio.run(both())

    assert [outcome.reason for outcome in outcomes if isinstance(outcome, OutboundFailedError)] == [
        "timeout",
        "timeout",
    ]
    assert asked == ["slow.example"]


def test_a_name_that_changes_between_check_and_connect_is_called_at_what_was_checked() -> None:
    answers = iter(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    asked = []

    def rebinding(host: str) -> tuple[Address, ...]:
        asked.append(host)
        return (ip_address(next(answers)),)

    async def call() -> int:
        async with site(answer()) as here:
            return (await get(Outbound(HERE, resolve=rebinding), f"http://rebind.example:{here.port}/")).status

    assert asyncio.run(call()) == 200
    assert asked == ["rebind.example"]


def test_the_next_address_of_a_name_is_tried_when_one_does_not_answer() -> None:
    async def call() -> str:
        async with site(answer()) as here:
            way = Outbound(HERE, resolve=names(two_example="127.0.0.99 127.0.0.1"))
            assert (await get(way, f"http://two.example:{here.port}/")).status == 200
            return here.asked[0]

    assert "host: two.example:" in asyncio.run(call())


def test_a_peer_that_is_not_the_address_that_was_checked_is_left_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine's own packet filter may lead a connection elsewhere; here the test itself does."""

    async def call() -> list[str]:
        async with site(answer()) as here:
            straight = httpcore2.AnyIOBackend.connect_tcp

            async def diverted(self: httpcore2.AnyIOBackend, host: str, *rest: object) -> object:
                return await straight(self, "127.0.0.1", *rest)  # type: ignore[arg-type]

            monkeypatch.setattr(httpcore2.AnyIOBackend, "connect_tcp", diverted)
            with pytest.raises(OutboundForbiddenError):
                await get(Outbound(HERE), f"http://127.0.0.5:{here.port}/")
            return here.asked

    assert asyncio.run(call()) == []


# --- calls -------------------------------------------------------------------------------------------


def test_a_call_sends_what_it_is_given_and_nothing_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    bodies = []

    async def read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        bodies.append(await reader.readexactly(7))
        writer.write(answer(b"taken", "Set-Cookie: a=b", status="201 Created"))
        await writer.drain()

    async def call() -> tuple[outbound.Answer, list[str]]:
        async with site(read) as here:
            way = Outbound(HERE)
            headers = {"Webhook-Id": "msg_1", "Host": "evil.example", "Content-Type": "application/json"}
            first = await way.send("POST", here.url, headers, b'{"a":1}', limits=QUICK)
            await way.send("POST", here.url, headers, b'{"a":1}', limits=QUICK)
            return first, here.asked

    replied, (asked, again) = asyncio.run(call())

    assert (replied.status, replied.body, replied.is_whole) == (201, b"taken", True)
    assert replied.headers["set-cookie"] == "a=b"
    assert replied.elapsed > timedelta(0)
    assert bodies[0] == b'{"a":1}'
    lines = asked.split("\r\n")
    assert lines[0] == "POST /picture.png HTTP/1.1"
    assert {"webhook-id: msg_1", "accept-encoding: identity", "connection: close", "content-length: 7"} <= set(lines)
    assert "evil" not in asked
    assert "cookie" not in again


def test_a_call_follows_no_redirect() -> None:
    async def call() -> outbound.Answer:
        async with site(answer(b"", "Location: http://169.254.169.254/", status="302 Found")) as here:
            return await get(Outbound(HERE), here.url)

    assert asyncio.run(call()).status == 302


async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(bytes(65_536))
        await writer.drain()


async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
    await writer.drain()
    await reader.read()


async def says_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def drips(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        writer.write(b".")
        await writer.drain()
        await asyncio.sleep(0.01)


def test_an_endless_answer_is_read_as_far_as_the_limit() -> None:
    async def call() -> outbound.Answer:
        async with site(endless) as here:
            return await get(Outbound(HERE), here.url, Limits(read=100_000))

    replied = asyncio.run(call())
    assert (len(replied.body), replied.is_whole) == (100_000, False)


@pytest.mark.parametrize("limits", [Limits(silence=timedelta(seconds=0.1)), Limits(total=timedelta(seconds=0.2))])
def test_a_body_that_stalls_is_cut_and_the_status_kept(limits: Limits) -> None:
    async def call() -> outbound.Answer:
        async with site(stalls) as here:
            return await get(Outbound(HERE), here.url, limits)

    replied = asyncio.run(call())
    assert (replied.status, replied.body, replied.is_whole) == (200, b"abc", False)


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (says_nothing, "timeout"),
        (b"", "protocol"),
        (b"SSH-2.0-OpenSSH\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "protocol"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000, "protocol"),
    ],
)
def test_an_answer_without_a_head_is_none(script: Script | bytes, reason: str) -> None:
    async def call() -> None:
        async with site(script) as here:
            await get(Outbound(HERE), here.url, Limits(silence=timedelta(seconds=0.2)))

    with pytest.raises(OutboundFailedError) as failed:
        asyncio.run(call())
    assert failed.value.reason == reason


def test_a_receiver_that_is_not_there_refuses() -> None:
    async def call() -> None:
        async with site(answer()) as here:
            url = here.url
        await get(Outbound(HERE), url)

    with pytest.raises(OutboundFailedError) as failed:
        asyncio.run(call())
    assert failed.value.reason == "refused"


# --- TLS ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for tls.example, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "tls.example")])
    now = SystemClock().now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("tls.example")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("host", "is_trusted", "outcome"),
    [("tls.example", True, 200), ("other.example", True, "tls"), ("tls.example", False, "tls")],
)
def test_the_certificate_is_held_against_the_name_not_the_address(
    certificate: Path, host: str, is_trusted: bool, outcome: int | str
) -> None:
    serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    serving.load_cert_chain(certificate)
    asked = []
    serving.sni_callback = lambda _, name, __: asked.append(name)

    async def call() -> int:
        async with site(answer(), serving) as here:
            trust = ssl.create_default_context(cafile=certificate) if is_trusted else None
            way = Outbound(HERE, trust, names(tls_example="127.0.0.1", other_example="127.0.0.1"))
            return (await get(way, f"https://{host}:{here.port}/")).status

    if outcome == 200:
        assert asyncio.run(call()) == 200
    else:
        with pytest.raises(OutboundFailedError) as failed:
            asyncio.run(call())
        assert failed.value.reason == outcome
    assert asked == [host]


# --- fetches -----------------------------------------------------------------------------------------

PICTURES = Limits(
    read=1_000, total=timedelta(seconds=5), silence=timedelta(seconds=0.3), redirects=3, media_types=("image/",)
)


async def fetched(script: Script | bytes, folder: Path, limits: Limits = PICTURES) -> outbound.Fetched:
    async with site(script) as here:
        return await Outbound(HERE).fetch(here.url, folder / "file", limits=limits)


@pytest.mark.parametrize("headers", [["Content-Type: image/png; charset=x"], [], ["Content-Encoding: identity"]])
def test_a_file_is_streamed_to_disk_as_it_is(headers: list[str], tmp_path: Path) -> None:
    found = asyncio.run(fetched(answer(b"\x89PNG", *headers), tmp_path))

    assert found.path.read_bytes() == b"\x89PNG"
    assert found.size == 4
    assert found.media_type == ("image/png" if "png" in "".join(headers) else "")
    assert found.final_url.endswith("/picture.png")


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (answer(b"no", status="404 Not Found"), "status"),
        (answer(b"part", status="206 Partial Content"), "status"),
        (answer(b"<html>", "Content-Type: text/html"), "media_type"),
        (answer(b"\x1f\x8b", "Content-Encoding: gzip"), "encoding"),
        (answer(bytes(1_001)), "too_large"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\n", "too_large"),
        (endless, "too_large"),
        (stalls, "timeout"),
        (drips, "timeout"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "protocol"),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "redirects"),
        (answer(b"", "Location: /picture.png", status="302 Found"), "redirects"),
    ],
)
def test_a_fetch_that_goes_wrong_says_why_and_leaves_no_file(
    script: Script | bytes, reason: str, tmp_path: Path
) -> None:
    limits = Limits(1_000, timedelta(seconds=0.8), timedelta(seconds=0.3), 3, ("image/",))
    with pytest.raises(OutboundFailedError) as failed:
        asyncio.run(fetched(script, tmp_path, limits))

    assert failed.value.reason == reason
    assert list(tmp_path.iterdir()) == []


def test_a_fetch_follows_redirects_each_checked_as_the_first(tmp_path: Path) -> None:
    async def fetch(location: str) -> outbound.Fetched:
        async with site(answer(b"found")) as last, site(b"") as first:
            target = location.format(port=last.port)
            async with site(answer(b"", f"Location: {target}", status="301 Moved")) as first:
                limits = Limits(redirects=1)
                return await Outbound(HERE).fetch(first.url, tmp_path / "file", limits=limits)

    found = asyncio.run(fetch("http://127.0.0.1:{port}/other#fragment"))
    assert found.final_url.endswith("/other")
    for forbidden in ("http://169.254.169.254/latest", "http://127.0.0.1:22/", "file:///etc/passwd", "http://a@b/"):
        with pytest.raises(OutboundForbiddenError):
            asyncio.run(fetch(forbidden))


def test_a_relative_redirect_stays_on_its_host(tmp_path: Path) -> None:
    async def turn(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer(b"", "Location: ../found?x", status="307 Temporary"))
        await writer.drain()

    async def fetch() -> list[str]:
        async with site(turn) as here:
            with pytest.raises(OutboundFailedError):
                await Outbound(HERE).fetch(here.url, tmp_path / "file", limits=Limits(redirects=1))
            return [asked.split("\r\n")[0] for asked in here.asked]

    assert asyncio.run(fetch()) == ["GET /picture.png HTTP/1.1", "GET /found?x HTTP/1.1"]


def test_a_fetch_that_is_cancelled_leaves_no_file(tmp_path: Path) -> None:
    async def cancelled() -> None:
        begun = asyncio.Event()

        async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
            await writer.drain()
            begun.set()
            await reader.read()

        async with site(begin) as here:
            task = asyncio.create_task(Outbound(HERE).fetch(here.url, tmp_path / "file", limits=Limits()))
            await begun.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(cancelled())
    assert list(tmp_path.iterdir()) == []
