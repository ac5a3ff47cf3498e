"""The server would answer, and hears nothing."""

import pytest

from inro.common.http import FetchRefused, Policy, check_url
from tests.common.http.conftest import (
    CLOSED,
    PNG,
    PUBLIC,
    PUBLIC_V6,
    Names,
    get,
    raw,
    redirecting,
    refusal,
    reply,
    to,
    url_of,
    words,
)

HOSTS = words(
    """127.0.0.1 2130706433 0x7f000001 0X7F.1 017700000001 0177.0.0.1 0x7f.0x0.0.01 127.1 127.0.1
    127.0.0.1. 0.0.0.0 0 127.255.255.254 127。0。0。1 ①②⑦.⓪.⓪.① 169.254.169.254
    localhost LOCALHOST localhost. ⓛocalhost
    a@127.0.0.1 a:b@127.0.0.1 pictures.example@127.0.0.1 127.0.0.1\\@pictures.example
    pictures.example\\@127.0.0.1 pictures.example:80@127.0.0.1
    [::1] [::] [0:0:0:0:0:0:0:1] [::1%25lo] [::1%lo] [::127.0.0.1] [::ffff:127.0.0.1]
    [::FFFF:7F00:1] [64:ff9b::7f00:1] [64:ff9b:1::7f00:1] [2002:7f00:1::] [2001::80ff:fffe]
    [fe80::1] [fe80::1%25lo] [fd00:ec2::254]
    private.example mixed.example six.example mapped.example scoped.example nat64.example
    teredo.example metadata.example strange.example"""
)
ANSWERS = {
    "localhost": ["127.0.0.1"],
    "localhost.": ["::1", "127.0.0.1"],
    "private.example": ["127.0.0.1"],
    "mixed.example": [PUBLIC, PUBLIC_V6, "127.0.0.1"],
    "six.example": ["::1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "scoped.example": ["fe80::1%lo"],
    "nat64.example": ["64:ff9b::7f00:1"],
    "teredo.example": ["2001::80ff:fffe"],
    "metadata.example": ["169.254.169.254"],
    "strange.example": ["127.1"],
}


@pytest.mark.parametrize("host", HOSTS)
def test_a_refused_host_is_never_connected_to(serve, wire, host):
    secret = serve()
    refused = refusal(secret, "/secret", host, resolver=Names(ANSWERS))
    assert (refused.code, refused.retryable) == ("validation_failed", False)
    assert wire.tried == []
    assert secret.strays() == []


@pytest.mark.parametrize("host", HOSTS)
def test_nor_after_a_redirect(serve, wire, host):
    secret = serve()
    site = serve(raw(reply(b"", 302, Location=f"http://{host}:{secret.port}/secret")))
    refused = refusal(site, policy=to(site, secret), resolver=Names(ANSWERS))
    assert (refused.code, refused.retryable) == ("validation_failed", False)
    assert wire.tried == [PUBLIC]
    assert secret.strays() == []


def test_the_message_does_not_tell_what_a_name_resolves_to(serve):
    site = serve()
    refused = refusal(site, host="mixed.example", resolver=Names(ANSWERS))
    assert refused.message == "The address of mixed.example is not public."


def test_a_name_that_turns_private_between_two_hops(serve, wire):
    site = serve(redirecting("http://rebind.example:{port}/secret"))
    resolver = Names({"rebind.example": [[PUBLIC], ["127.0.0.1"]]})
    refused = refusal(site, host="rebind.example", resolver=resolver)
    assert refused.message == "The address of rebind.example is not public."
    assert wire.tried == [PUBLIC]
    assert len(site.heads) == 1


def test_a_name_is_looked_up_once_per_connection(serve, wire):
    site = serve()
    resolver = Names({"rebind.example": [[CLOSED[0], PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]})
    get(site, host="rebind.example", resolver=resolver)
    assert resolver.asked == ["rebind.example"]
    assert wire.tried == [CLOSED[0], PUBLIC]


@pytest.mark.parametrize(
    "location",
    [
        "file:///etc/passwd",
        "ftp://pictures.example/",
        "javascript:alert(1)",
        "//jane:secret@pictures.example/",
        "//127.0.0.1/",
        "http://pictures.example:22/",
        "http://[",
        "http://pictures.example/a b",
        "/" + "a" * 2048,
    ],
)
def test_a_redirect_to_a_refused_url(serve, wire, location):
    site = serve(raw(reply(b"", 302, Location=location)))
    assert refusal(site).code == "validation_failed"
    assert len(wire.tried) == 1


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "intranet", "Intranet", "127.1"])
def test_an_allowed_host_may_be_private_and_on_any_port(serve, host):
    site = serve(redirecting("/next"))
    policy = Policy(allow_hosts=frozenset({f"{host}:{site.port}"}))
    check_url(url_of(site, host=host), policy)
    fetched, body = get(site, "/", host, policy, resolver=Names({"intranet": ["127.0.0.1"]}))
    assert body == PNG
    assert fetched.filename == "next"


@pytest.mark.parametrize(
    ("entry", "host"),
    [
        ("127.0.0.1", "127.1"),
        ("127.0.0.1", "2130706433"),
        ("127.0.0.1", "127.0.0.1."),
        ("127.0.0.1", "[::ffff:127.0.0.1]"),
        ("127.0.0.1", "localhost"),
        ("127.1", "127.0.0.1"),
        ("localhost", "LOCALHOST"),
        ("localhost", "localhost."),
        ("[::1]", "[0::1]"),
    ],
)
def test_an_entry_holds_for_its_own_spelling_alone(serve, wire, entry, host):
    site = serve()
    policy = to(site, allow_hosts=frozenset({f"{entry}:{site.port}", f"{host}:1", host}))
    refused = refusal(site, host=host, policy=policy, resolver=Names(ANSWERS))
    assert refused.code == "validation_failed"
    assert wire.tried == []


def test_an_entry_without_a_port_in_the_url_means_the_schemes_own():
    policy = Policy(allow_hosts=frozenset({"10.0.0.1:80", "[::1]:443"}))
    check_url("http://10.0.0.1/", policy)
    check_url("https://[::1]:/", policy)
    with pytest.raises(FetchRefused):
        check_url("https://10.0.0.1/", policy)


def test_an_allowed_host_lifts_nothing_for_the_next_hop(serve, wire):
    secret = serve()
    site = serve(raw(reply(b"", 302, Location=f"http://127.0.0.1:{secret.port}/")))
    policy = to(secret, allow_hosts=frozenset({f"127.0.0.1:{site.port}"}))
    refused = refusal(site, host="127.0.0.1", policy=policy)
    assert refused.message == "The address of 127.0.0.1 is not public."
    assert secret.strays() == []
