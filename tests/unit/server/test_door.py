"""Who is let in, and how addresses are counted."""

from __future__ import annotations

import pytest

from calotype.errors import ServerFullError, TooManyConnectionsError
from calotype.server.door import MOST_REFUSED, Door


def test_no_more_are_let_in_than_the_house_holds() -> None:
    door = Door(2, 10)

    assert [door.enter("192.0.2.1"), door.enter("192.0.2.2")] == [None, None]
    assert isinstance(door.enter("192.0.2.3"), ServerFullError)


def test_whoever_leaves_makes_room() -> None:
    door = Door(1, 1)
    door.enter("192.0.2.1")

    door.leave("192.0.2.1", was_refused=False)

    assert door.enter("192.0.2.1") is None


def test_one_address_does_not_take_every_place() -> None:
    door = Door(10, 2)
    door.enter("192.0.2.1")
    door.enter("192.0.2.1")

    assert isinstance(door.enter("192.0.2.1"), TooManyConnectionsError)
    assert door.enter("192.0.2.2") is None


def test_those_who_are_refused_take_nobodys_place() -> None:
    door = Door(2, 1)
    door.enter("192.0.2.1")
    for _ in range(100):
        door.enter("192.0.2.1")

    assert door.enter("192.0.2.2") is None
    assert door.is_crammed


def test_those_who_are_refused_are_forgotten_once_they_are_gone() -> None:
    door = Door(1, 1)
    door.enter("192.0.2.1")
    for _ in range(MOST_REFUSED + 1):
        door.enter("192.0.2.1")

    door.leave("192.0.2.1", was_refused=True)

    assert not door.is_crammed


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
def test_an_ipv6_network_counts_as_one_address(one: str, other: str, is_one: bool) -> None:
    door = Door(10, 1)
    door.enter(one)

    assert (door.enter(other) is not None) is is_one


@pytest.mark.parametrize(
    ("trusted", "address"),
    [(("192.0.2.1",), "192.0.2.1"), (("10.0.0.0/8",), "10.1.2.3"), (("*",), "198.51.100.7"), ((), None)],
)
def test_a_trusted_proxy_and_a_local_socket_are_not_counted(trusted: tuple[str, ...], address: str | None) -> None:
    door = Door(10, 1, trusted)
    door.enter(address)

    assert door.enter(address) is None
