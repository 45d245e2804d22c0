from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calotype.errors import InvalidLinkError
from calotype.signing import Link, LinkSigner, window_end

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
PATH = "/assets/a/b/c.png"
SIGNER = LinkSigner({"one": b"1" * 32}, "one")


def query_of(text: str) -> dict[str, str]:
    return dict(parse_qsl(text, keep_blank_values=True, strict_parsing=True))


def opens(query: dict[str, str], *, method: str = "GET", path: str = PATH, now: datetime = NOW) -> bool:
    try:
        SIGNER.check(method, path, query, now=now)
    except InvalidLinkError:
        return False
    return True


def test_a_link_opens_what_it_was_signed_for() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER, disposition='attachment; filename="ä.png"'))

    assert SIGNER.check("GET", PATH, query, now=NOW) == Link(PATH, LATER, 'attachment; filename="ä.png"')


def test_a_link_without_a_disposition_grants_none() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))

    assert SIGNER.check("GET", PATH, query, now=NOW).disposition is None


def test_a_link_signed_for_get_allows_head() -> None:
    assert opens(query_of(SIGNER.sign(PATH, expires_at=LATER)), method="HEAD")


def test_a_link_signed_for_head_does_not_allow_get() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER, method="HEAD"))

    assert (opens(query, method="HEAD"), opens(query, method="GET")) == (True, False)


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "get", "OPTIONS", ""])
def test_another_method_is_refused(method: str) -> None:
    assert not opens(query_of(SIGNER.sign(PATH, expires_at=LATER)), method=method)


@pytest.mark.parametrize(
    "path", ["/assets/a/b/c.pn", PATH + "/", "/assets/a/b//c.png", "/assets/a/b/C.png", "", "/assets/a/b/%63.png"]
)
def test_another_path_is_refused(path: str) -> None:
    assert not opens(query_of(SIGNER.sign(PATH, expires_at=LATER)), path=path)


def test_a_link_ends_with_its_expiry_to_the_microsecond() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))

    assert opens(query, now=LATER - timedelta(microseconds=1))
    assert not opens(query, now=LATER)


def test_an_expiry_within_a_second_is_rounded_up() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER + timedelta(microseconds=1)))

    assert SIGNER.check("GET", PATH, query, now=LATER).expires_at == LATER + timedelta(seconds=1)


@given(st.data())
def test_any_changed_bit_of_a_link_is_refused(data: st.DataObject) -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER, disposition="attachment"))
    name = data.draw(st.sampled_from(sorted(query)))
    raw = bytearray(query[name], "ascii")
    bit = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8

    assert not opens(query | {name: raw.decode("latin-1")})


@given(st.sampled_from(["k", "e", "d", "s"]), st.text())
def test_any_other_value_is_refused(name: str, value: str) -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER, disposition="attachment"))

    assert opens(query | {name: value}) == (value == query[name])


@given(st.dictionaries(st.sampled_from(["k", "e", "d", "s"]), st.text() | st.just("one") | st.just("9" * 30)))
def test_no_made_up_query_opens_anything(query: dict[str, str]) -> None:
    assert not opens(query)


@pytest.mark.parametrize("signature", ["\udc80", "é" * 43, "\0", "=" * 44])
def test_a_signature_that_is_no_base64_is_refused_and_breaks_nothing(signature: str) -> None:
    assert not opens(query_of(SIGNER.sign(PATH, expires_at=LATER)) | {"s": signature})


def test_the_last_character_of_a_signature_has_one_spelling() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

    accepted = [last for last in alphabet if opens(query | {"s": query["s"][:-1] + last})]

    assert accepted == [query["s"][-1]]


@pytest.mark.parametrize("spelling", ["+{}", " {}", "0{}", "{}.0", "{}_0"])
def test_an_expiry_has_one_spelling(spelling: str) -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))

    assert not opens(query | {"e": spelling.format(query["e"])})


def test_unknown_parameters_do_no_harm() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))

    assert SIGNER.check("GET", PATH, query | {"utm_source": "mail", "path": "/other"}, now=NOW).path == PATH


def test_a_disposition_cannot_be_added_or_removed() -> None:
    plain = query_of(SIGNER.sign(PATH, expires_at=LATER))
    attached = query_of(SIGNER.sign(PATH, expires_at=LATER, disposition="attachment"))

    assert not opens(plain | {"d": "attachment"})
    assert not opens(plain | {"d": ""})
    assert not opens({name: value for name, value in attached.items() if name != "d"})


def test_no_two_sets_of_facts_share_a_signature() -> None:
    texts = ["", "a", "a,b", 'a","b', "b", "\n", "a\n"]

    signatures = {
        query_of(SIGNER.sign(path, expires_at=LATER, method=method, disposition=disposition))["s"]
        for path, method, disposition in itertools.product(texts, texts, [None, *texts])
    }

    assert len(signatures) == len(texts) ** 2 * (len(texts) + 1)


def test_a_link_signed_with_a_former_key_opens_until_that_key_is_forgotten() -> None:
    query = query_of(SIGNER.sign(PATH, expires_at=LATER))
    rotated = LinkSigner({"one": b"1" * 32, "two": b"2" * 32}, "two")
    forgotten = LinkSigner({"two": b"2" * 32}, "two")

    assert rotated.check("GET", PATH, query, now=NOW).path == PATH
    with pytest.raises(InvalidLinkError):
        forgotten.check("GET", PATH, query, now=NOW)


def test_a_key_id_cannot_be_swapped() -> None:
    signer = LinkSigner({"one": b"1" * 32, "two": b"2" * 32}, "two")
    query = query_of(signer.sign(PATH, expires_at=LATER))

    assert query["k"] == "two"
    with pytest.raises(InvalidLinkError):
        signer.check("GET", PATH, query | {"k": "one"}, now=NOW)


@pytest.mark.parametrize(("keys", "current"), [({}, "one"), ({"one": b"x"}, "two"), ({"one": b""}, "one")])
def test_a_signer_needs_a_current_key_and_no_empty_one(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(AssertionError):
        LinkSigner(keys, current)


def test_equal_facts_give_equal_bytes_and_a_query_that_needs_no_more_quoting() -> None:
    first, second = (SIGNER.sign(PATH, expires_at=LATER, disposition="inline; x=ü&y") for _ in range(2))

    assert first == second == urlencode(query_of(first))


MOMENTS = st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by timezones
LIFETIMES = st.timedeltas(timedelta(seconds=1), timedelta(days=400))


@given(MOMENTS, LIFETIMES)
def test_a_window_ends_one_to_two_lifetimes_away(now: datetime, lifetime: timedelta) -> None:
    assert lifetime < window_end(now, lifetime=lifetime) - now <= 2 * lifetime


@given(MOMENTS, LIFETIMES, st.floats(0, 1, exclude_max=True))
def test_all_moments_of_a_window_share_its_end(now: datetime, lifetime: timedelta, share: float) -> None:
    end = window_end(now, lifetime=lifetime)
    start = end - 2 * lifetime

    assert window_end(start + lifetime * share, lifetime=lifetime) in (end, end + lifetime * round(share))
    assert window_end(start, lifetime=lifetime) == end
    assert window_end(start + lifetime, lifetime=lifetime) == end + lifetime
