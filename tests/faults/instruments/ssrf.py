"""A network of its own in which every address answers, with a hostile name server: what does a client reach that it must not?

`unshare --net --mount python ssrf.py COUNT SEED CLIENT` prints one line of JSON. In the namespace all of IPv4 and IPv6 is
local, so a forbidden address that is called at all is a connection and a request; a packet socket counts the SYNs besides.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

PUBLIC = "93.184.216.34"
PUBLIC_6 = "2606:4700::1111"
_NAME_SERVER = "127.0.0.53"
_CLIENTS = ("ours", "check_then_fetch", "naive")
_FORBIDDEN = (
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.168.0.0/16", "198.18.0.0/15",
)  # fmt: skip
_KNOWN = (
    "127.0.0.1",
    "169.254.169.254",
    "10.0.0.1",
    "192.168.0.1",
    "172.16.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "192.0.0.192",
)
_PRIVATE_6 = ("::1", "fd00:ec2::254", "fe80::1", "fc00::5", "fec0::7")


# --- targets ---------------------------------------------------------------------------------------------


def targets(count: int, seed: int) -> list[str]:
    """Return so many URLs that lead to addresses nobody may call, the best-known addresses first."""
    chance = random.Random(seed)
    found: dict[str, None] = {f"http://[{address}]/": None for address in _PRIVATE_6}
    found |= {f"http://{_named(address)}/": None for address in _PRIVATE_6}
    for number in range(count):
        if len(found) >= count:
            break
        text = _KNOWN[number] if number < len(_KNOWN) else _somewhere(chance)
        for url in forms(ipaddress.IPv4Address(text)):
            found[url] = None
    return list(found)[:count]


def forms(address: ipaddress.IPv4Address) -> Iterator[str]:
    """Return the ways to write one address, or to lead to it."""
    text, number = str(address), int(address)
    a, b, c, d = text.split(".")
    low, high = number & 0xFFFF, number >> 16
    hosts = [
        text, str(number), hex(number), oct(number).replace("o", ""), f"{a}.{number & 0xFFFFFF}", f"{a}.{b}.{low}",
        ".".join(hex(int(part)) for part in (a, b, c, d)), ".".join(f"0{int(part):o}" for part in (a, b, c, d)),
        f"{hex(int(a))}.{b}.0{int(c):o}.{d}", f"{a.zfill(3)}.{b.zfill(3)}.{c.zfill(3)}.{d.zfill(3)}", f"{text}.", f"{number}.",
        f"[::ffff:{text}]", f"[::ffff:{high:x}:{low:x}]", f"[0:0:0:0:0:ffff:{text}]", f"[::{text}]", f"[::ffff:0:{text}]",
        f"[2002:{high:x}:{low:x}::]", f"[2002:{high:x}:{low:x}::1]", f"[64:ff9b::{text}]", f"[64:ff9b:1::{text}]",
        f"[2001:0:{high:x}:{low:x}::1]", f"[2001::{high ^ 0xFFFF:x}:{low ^ 0xFFFF:x}]", f"[::ffff:{text}%25lo]",
        "".join(chr(0xFF10 + int(one)) if one.isdigit() else one for one in text), text.replace(".", "\u3002"),
        text.replace(".", "\uff0e"), "".join(f"%{ord(one):02x}" for one in text), f"public.test@{text}",
        f"public.test:80@{text}", f"public.test\\@{text}", f"{text}\\.public.test", f"public.test%00@{text}",
        _named(text), f"{_named(text)}.", _named(text).upper(), _named(f"::ffff:{text}"), _named(f"64:ff9b::{text}"),
        f"alias.{_named(text)}", f"mixed.{_named(text)}", f"rebind.{_named(text)}", f"rebind2.{_named(text)}",
    ]  # fmt: skip
    yield from (f"http://{host}/" for host in hosts)
    for place in (text, f"[::ffff:{text}]", _named(text), f"mixed.{_named(text)}", str(number)):
        yield f"http://{place}:8080/"
    yield f"HTTP://{text}#@public.test/"
    yield f"http://{text}?@public.test/"
    yield f"http:/{text}/"
    yield f"http:///{text}/"
    yield f"\thttp://{text}/"
    yield f"http://\n{text}/"
    for status in (301, 302, 303, 307, 308):
        yield _redirect(status, f"http://{text}/")
    yield _redirect(302, f"//{text}/")
    yield _redirect(302, f"https://{text}/")
    yield _redirect(302, f"http://{text}./")
    yield _redirect(302, f"http://mixed.{_named(text)}/")
    yield _redirect(302, f"http://{number}/")
    yield _redirect(302, f"http://[::ffff:{text}]/")
    yield _redirect(302, f"http://{_named(text)}/")
    yield _redirect(302, f"http://rebind.r{_named(text)}/")
    yield _redirect(302, f"http://u@{text}/")
    yield _redirect(302, _redirect(307, f"http://{text}/"))


def _redirect(status: int, to: str) -> str:
    return f"http://public.test/go?status={status}&to={quote(to, safe='')}"


def _named(address: str) -> str:
    """Return a name that leads to an address."""
    packed = ipaddress.ip_address(address).packed.hex()
    return f"{'a' if len(packed) == 8 else 'q'}{packed}.evil.test"


def _somewhere(chance: random.Random) -> str:
    network = ipaddress.IPv4Network(chance.choice(_FORBIDDEN))
    return str(network[chance.randrange(network.num_addresses)])


# --- the place -------------------------------------------------------------------------------------------


def furnish(folder: Path) -> None:
    """Make every address local, and the name server ours; only ever called in a namespace of our own."""
    for command in (
        "ip link set lo up",
        "ip route add local 0.0.0.0/0 dev lo",
        "ip -6 route add local ::/0 dev lo",
    ):
        subprocess.run(command.split(), check=True)
    for name, text in {
        "resolv.conf": f"nameserver {_NAME_SERVER}\noptions timeout:2 attempts:2\n",
        "nsswitch.conf": "hosts: files dns\n",
        "hosts": "127.0.0.1 localhost\n",
    }.items():
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", str(folder / name), f"/etc/{name}"], check=True)


class NameServer(threading.Thread):
    """Answers A and AAAA for the names above; the first look at a `rebind` name finds a public address, later ones do not."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.looks: Counter[bytes] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_NAME_SERVER, 53))

    def run(self) -> None:
        while True:
            query, asker = self._socket.recvfrom(4_096)
            self._socket.sendto(self._answer(query), asker)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1 : at + 1 + query[at]].lower())
            at += query[at] + 1
        question = query[12 : at + 5]
        wants = 4 if question[-4:-2] == b"\0\1" else 16 if question[-4:-2] == b"\0\x1c" else 0
        records = [address.packed for address in self._addresses(labels, wants) if len(address.packed) == wants]
        kind = b"\0\1" if wants == 4 else b"\0\x1c"
        body = b"".join(b"\xc0\x0c" + kind + b"\0\1" + bytes(4) + struct.pack(">H", len(one)) + one for one in records)
        return query[:2] + b"\x85\x80\0\1" + struct.pack(">H", len(records)) + bytes(4) + question + body

    def _addresses(self, labels: list[bytes], wants: int) -> list[Any]:
        public = [ipaddress.ip_address(PUBLIC)]
        if labels == [b"public", b"test"]:
            return public
        try:
            private = [ipaddress.ip_address(bytes.fromhex(labels[-3].lstrip(b"r")[1:].decode()))]
        except (ValueError, IndexError):
            return []  # no name of ours
        if labels[0] == b"mixed":
            return public + private
        if labels[0] in (b"rebind", b"rebind2") and wants == 4:
            name = b".".join(labels)
            self.looks[name] += 1
            return public if self.looks[name] <= (1 if labels[0] == b"rebind" else 2) else private
        return private


class Sniffer(threading.Thread):
    """Counts TCP SYNs by the address they go to."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[tuple[str, int, int]] = set()
        self._more = threading.Condition()
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 1 << 24)  # SO_RCVBUFFORCE

    def run(self) -> None:
        while True:
            packet = self._socket.recv(65_536)
            if packet[0] >> 4 == 4 and packet[9] == 6:
                head, to = (packet[0] & 15) * 4, packet[16:20]
            elif packet[0] >> 4 == 6 and packet[6] == 6:
                head, to = 40, packet[24:40]
            else:
                continue
            if packet[head + 13] & 0x12 == 0x02:  # SYN without ACK
                source, port = struct.unpack(">HH", packet[head : head + 4])
                with self._more:
                    self.seen.add((str(ipaddress.ip_address(to)), port, source))
                    self._more.notify_all()

    def wait_for(self, syn: tuple[str, int, int]) -> bool:
        """Wait until a SYN was seen, and so all before it; return whether it was."""
        with self._more:
            return self._more.wait_for(lambda: syn in self.seen, timeout=10)


class Listeners:
    """Answer on every address, and remember at which of them a request arrived."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()

    async def open(self) -> None:
        for port in (80, 8080):
            await asyncio.start_server(self._serve, "0.0.0.0", port)
            await asyncio.start_server(self._serve, "::", port)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode("latin-1")
            self.asked[str(writer.get_extra_info("sockname")[0])] += 1
            asked = parse_qs(urlsplit(line).query)
            status, to = asked.get("status", ["200"])[0], asked.get("to", [""])[0]
            location = f"Location: {to}\r\n" if to else ""
            writer.write(f"HTTP/1.1 {status} -\r\nContent-Length: 2\r\n{location}\r\nhi".encode())
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, IndexError):
            pass
        finally:
            writer.close()


# --- the clients -----------------------------------------------------------------------------------------


Visit = Callable[[str], Awaitable[None]]


def visit_of(client: str, folder: Path) -> Visit:
    """Return how a client calls a URL: ours, ours with the planted bug, or one that looks at nothing."""
    from calotype.config import OutboundSettings
    from calotype.errors import OutboundFailedError, OutboundForbiddenError
    from calotype.outbound import Address, Limits, Outbound, Target, _resolve

    class CheckThenFetch(Outbound):
        """The planted bug: what was checked is looked up again for the connection."""

        async def _addresses(self, target: Target) -> tuple[Address, ...]:
            checked = await super()._addresses(target)
            return checked if target.address else await asyncio.to_thread(_resolve, target.host)

    way = (CheckThenFetch if client == "check_then_fetch" else Outbound)(OutboundSettings())
    limits = Limits(total=timedelta(seconds=5), silence=timedelta(seconds=2), redirects=3)

    async def ours(url: str) -> None:
        for call in (
            way.fetch(url, folder / "fetched", limits=limits),
            way.send("POST", url, {}, b"{}", limits=limits),
            way.check(url),
        ):
            with contextlib.suppress(OutboundForbiddenError, OutboundFailedError):
                await call

    async def naive(url: str) -> None:
        for _ in range(4):
            url = await asyncio.to_thread(_ask, url)
            if not url:
                return

    return naive if client == "naive" else ours


def _ask(url: str) -> str:
    """Call a URL as a careless client does; return where it redirects to."""
    try:
        parts = urlsplit(url)
        with socket.create_connection((parts.hostname or "", parts.port or 80), timeout=2) as connection:
            connection.sendall(f"GET {parts.path or '/'}?{parts.query} HTTP/1.0\r\n\r\n".encode())
            head = connection.makefile("rb").read().decode("latin-1")
    except (OSError, ValueError):
        return ""
    return next((line[10:] for line in head.split("\r\n") if line.startswith("Location: ")), "")


async def measure(count: int, seed: int, client: str, folder: Path) -> dict[str, Any]:
    """Visit every target; return what was reached."""
    NameServer().start()
    sniffer, listeners = Sniffer(), Listeners()
    sniffer.start()
    await listeners.open()
    visit = visit_of(client, folder)
    reached = []
    for url in targets(count, seed):
        before = _forbidden(listeners.asked)
        await visit(url)
        if _forbidden(listeners.asked) > before:
            reached.append(url)
    control = listeners.asked[PUBLIC]
    await visit("http://public.test/")
    last = await asyncio.to_thread(_last_syn)
    assert await asyncio.to_thread(sniffer.wait_for, last), "the sniffer sees nothing"
    return {
        "targets": count,
        "reached": len(reached),
        "requests": _forbidden(listeners.asked),
        "syns": sum(address not in (PUBLIC, PUBLIC_6) for address, _, _ in sniffer.seen),
        "public_requests": listeners.asked[PUBLIC],
        "control": listeners.asked[PUBLIC] - control,
        "examples": reached[:5],
    }


def _forbidden(asked: Counter[str]) -> int:
    return sum(times for address, times in asked.items() if address not in (PUBLIC, PUBLIC_6))


def _last_syn() -> tuple[str, int, int]:
    """Make a connection that the sniffer must see before its count is whole."""
    with socket.create_connection((PUBLIC, 80), timeout=5) as connection:
        return PUBLIC, 80, int(connection.getsockname()[1])


# --- from outside ----------------------------------------------------------------------------------------


def why_not() -> str | None:
    """Return why no bed can be made here, or None."""
    missing = [name for name in ("unshare", "ip", "mount") if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}"
    tried = subprocess.run(
        ["unshare", "--net", "--mount", "ip", "link", "set", "lo", "up"], capture_output=True, check=False
    )
    return None if tried.returncode == 0 else "needs root and the right to make a network namespace"


def run(count: int, seed: int, client: str) -> dict[str, Any]:
    """Run the bed in namespaces of its own, which end with it."""
    command = ["unshare", "--net", "--mount", sys.executable, str(Path(__file__)), str(count), str(seed), client]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60 + count)
    assert ended.returncode == 0, ended.stderr
    found: dict[str, Any] = json.loads(ended.stdout.splitlines()[-1])
    return found


def main(count: int, seed: int, client: str) -> None:
    """Furnish the namespace, measure, print."""
    assert client in _CLIENTS
    with tempfile.TemporaryDirectory() as name:
        furnish(Path(name))
        print(json.dumps(asyncio.run(measure(count, seed, client, Path(name)))), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
