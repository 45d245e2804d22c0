"""From a path to what stands there."""

from __future__ import annotations

import pytest

from calotype.server.router import Router


@pytest.fixture
def router() -> Router[str]:
    router: Router[str] = Router()
    router.add("GET", "/jobs", "list")
    router.add("POST", "/jobs", "submit")
    router.add("GET", "/jobs/{id}", "read")
    router.add("POST", "/jobs/{id}/cancel", "cancel")
    router.add("GET", "/assets/{key...}", "download")
    return router


@pytest.mark.parametrize(
    ("path", "method", "target", "values"),
    [
        ("/jobs", "GET", "list", {}),
        ("/jobs", "HEAD", "list", {}),
        ("/jobs", "POST", "submit", {}),
        ("/jobs/7", "GET", "read", {"id": "7"}),
        ("/jobs/7/cancel", "POST", "cancel", {"id": "7"}),
        ("/assets/a/b.png", "GET", "download", {"key": "a/b.png"}),
    ],
)
def test_a_path_leads_to_its_target(
    router: Router[str], path: str, method: str, target: str, values: dict[str, str]
) -> None:
    match = router.match(path)

    assert match is not None
    assert (match.of(method), match.values) == (target, values)


@pytest.mark.parametrize(
    "path", ["/", "", "/job", "/jobs/", "/jobs/7/", "/jobs//cancel", "/jobs/7/cancel/x", "/assets/", "//"]
)
def test_what_is_not_there_is_not_found(router: Router[str], path: str) -> None:
    assert router.match(path) is None


def test_a_path_says_which_methods_it_takes(router: Router[str]) -> None:
    match = router.match("/jobs")

    assert match is not None
    assert match.of("DELETE") is None
    assert match.allowed == ("GET", "HEAD", "POST")


def test_two_routes_never_share_a_place(router: Router[str]) -> None:
    with pytest.raises(AssertionError, match="two routes"):
        router.add("GET", "/jobs/{id}", "again")
