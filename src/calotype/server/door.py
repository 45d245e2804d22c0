"""How many connections are let in: in all, and from one address.

A proxy that the settings trust stands for many and is not counted.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from calotype.errors import CalotypeError, ServerFullError, TooManyConnectionsError

MOST_REFUSED = 50
"""Connections beyond the cap that are kept for a moment, so that each can be told in the words of the API it asks."""
_NETWORK_BITS = 64
"""An IPv6 customer owns at least so many bits of his network: its addresses count as one."""


class Door:
    """Counts who is in. `most` and `most_per_address` are the caps of one process."""

    def __init__(self, most: int, most_per_address: int, trusted: Sequence[str] = ()) -> None:
        self._most = most
        self._most_per_address = most_per_address
        self._trusts_all = "*" in trusted
        self._trusted = [ipaddress.ip_network(one, strict=False) for one in trusted if one != "*"]
        self._let_in = 0
        self._refused = 0
        self._by_network: Counter[str] = Counter()
        self._network_of = lru_cache(maxsize=4_096)(self._find_network)

    @property
    def is_crammed(self) -> bool:
        """Whether even those who are refused are too many to be told at leisure."""
        return self._refused > MOST_REFUSED

    def enter(self, address: str | None) -> CalotypeError | None:
        """Count a new connection; return why it is refused, or None. `address` is None on a socket that has none."""
        network = self._network_of(address)
        refusal: CalotypeError | None = None
        if self._let_in >= self._most:
            refusal = ServerFullError()
        elif network is not None and self._by_network[network] >= self._most_per_address:
            refusal = TooManyConnectionsError(self._most_per_address)
        if refusal is not None:
            self._refused += 1
            return refusal
        self._let_in += 1
        if network is not None:
            self._by_network[network] += 1
        return None

    def leave(self, address: str | None, *, was_refused: bool) -> None:
        """Count one less."""
        if was_refused:
            self._refused -= 1
            return
        self._let_in -= 1
        network = self._network_of(address)
        if network is not None:
            self._by_network[network] -= 1
            if not self._by_network[network]:
                del self._by_network[network]

    def _find_network(self, address: str | None) -> str | None:
        """Return what the address is counted as; None = it is not counted."""
        if address is None or self._trusts_all:
            return None
        found = ipaddress.ip_address(address.partition("%")[0])
        mapped = getattr(found, "ipv4_mapped", None)
        found = mapped or found
        if any(found in network for network in self._trusted):
            return None
        return str(found) if found.version == 4 else str(ipaddress.ip_network((found, _NETWORK_BITS), strict=False))
