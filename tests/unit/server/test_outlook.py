"""How soon a waiting job may begin: an estimate, or nothing at all."""

from __future__ import annotations

import pytest

from calotype.server.outlook import Outlook


@pytest.mark.parametrize(
    ("outlook", "position", "eta"),
    [
        (Outlook(1, 10.0), 0, 5.0),
        (Outlook(1, 10.0), 3, 35.0),
        (Outlook(4, 10.0), 4, 15.0),
        (Outlook(0, 10.0), 4, None),
        (Outlook(1, None), 4, None),
        (Outlook(1, 10.0), None, None),
    ],
)
def test_an_estimate_grows_with_the_place_and_is_nothing_where_nobody_can_tell(
    outlook: Outlook, position: int | None, eta: float | None
) -> None:
    assert outlook.eta(position) == eta
