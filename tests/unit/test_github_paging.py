"""Reading ``Link`` headers, addresses and ids: what may be written there, and what is refused."""

from __future__ import annotations

import httpx
import pytest
from pydantic import TypeAdapter, ValidationError

from bot.issuers.addresses import Address
from bot.issuers.calls import Answer
from bot.issuers.github_answers import Name, Sort, name_of
from bot.issuers.paging import Listed, ListError, items, next_page
from bot.rules.issuing import NotDone, Unclear


@pytest.mark.parametrize(
    ("link", "following"),
    [
        ("", None),
        ("nonsense", None),
        ('<https://a.example/x?page=2>; rel="next"', "https://a.example/x?page=2"),
        ("</x?page=2>; rel=next", "/x?page=2"),
        ('</x?page=1>; rel="prev", </x?page=3>; rel="next"', "/x?page=3"),
        ('</x?a=1,2&page=3>; title="a, b"; rel="next"', "/x?a=1,2&page=3"),
        ('</x?page=9>; rel="last"', None),
        ('</x?page=4>; rel="next last"', "/x?page=4"),
        ('</x?page=4>; rel="nextish"', None),
        ('</next>; rel="last"', None),
    ],
)
def test_the_next_page_is_the_one_with_that_relation(link: str, following: str | None) -> None:
    assert next_page({"link": link}) == following


def answer(count: int, link: str = "") -> Answer:
    body = b"[" + b",".join([b'{"id": 1}'] * count) + b"]"
    return Answer(200, httpx.Headers({"link": link} if link else {}), body)


def test_a_full_page_without_a_link_is_followed_by_number_where_that_is_asked_for() -> None:
    asked: list[str] = []

    def call(path: str) -> Answer:
        asked.append(path)
        return answer(100 if len(asked) < 3 else 4)

    assert len(list(items(Listed("a.example", "x?per_page=100", by_number=True), call))) == 204
    assert asked == ["x?per_page=100", "x?per_page=100&page=2", "x?per_page=100&page=3"]
    asked.clear()
    assert len(list(items(Listed("a.example", "x?per_page=100"), call))) == 100


def test_an_empty_page_that_leads_on_is_a_circle() -> None:
    with pytest.raises(ListError, match="circles"):
        list(items(Listed("a.example", "x"), lambda _: answer(0, "</y>; rel=next")))


@pytest.mark.parametrize(("outcome", "said"), [(NotDone("too fast", 42), "42 seconds"), (Unclear("reset"), "later")])
def test_a_broken_list_says_why_and_what_to_do(outcome: NotDone | Unclear, said: str) -> None:
    with pytest.raises(ListError, match=said) as caught:
        list(items(Listed("a.example", "x"), lambda _: outcome))
    assert caught.value.outcome == outcome


def test_ids_are_read_as_they_are_written() -> None:
    assert name_of("pat:12/34") == Name(Sort.PAT, 12, 34)
    assert name_of("sso:5") == Name(Sort.SSO, 5)
    assert name_of("deploy-key:6/7") == Name(Sort.DEPLOY_KEY, 7, 6)
    assert name_of("deploy-key:06/7") is None


@pytest.mark.parametrize(
    "address", ["https://git.example.com", "https://git.example.com:8443/api", "http://127.0.0.1:1"]
)
def test_an_address_may_be(address: str) -> None:
    assert TypeAdapter(Address).validate_python(address) == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "https://",
        "git.example.com",
        "http://git.example.com",
        "http://127.0.0.1.example.com",
        "ftp://git.example.com",
        "https://a:b@git.example.com",
        "https://git.example.com/?a=b",
        "https://git.example.com/#a",
    ],
)
def test_an_address_may_not_be(address: str) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(Address).validate_python(address)
