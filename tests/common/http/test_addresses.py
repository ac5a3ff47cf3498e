"""Which addresses are public, however they are spelled, and which URLs are not even tried."""

import socket
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inro.common import addresses, outgoing
from inro.common.http import FetchRefused, Policy, check_url
from tests.common.http.conftest import (
    words,
)


@pytest.mark.parametrize(
    "ip",
    words(
        """8.8.8.8 1.1.1.1 93.184.216.34 100.63.255.255 100.128.0.0 172.32.0.1 ::ffff:8.8.8.8
        2606:4700::1111 2a00:1450:4001:80b::200e"""
    ),
)
def test_public_addresses(ip):
    assert addresses.is_public(ip_address(ip))


PRIVATE = words(
    """0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.100.100.200 127.0.0.1 127.255.255.254 169.254.169.254
    172.16.0.1 172.31.255.255 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1
    198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255 168.63.129.16
    :: ::1 ::127.0.0.1 ::8.8.8.8 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:0:127.0.0.1
    64:ff9b::8.8.8.8 64:ff9b::127.0.0.1 64:ff9b:1::10.0.0.1 100::1 2001::1
    2001:0:4136:e378:8000:63bf:3fff:fdd2 2001:2::1 2001:10::1 2001:20::1 2001:db8::1
    2002:7f00:1::1 2002:808:808::1 3fff::1 5f00::1 4000::1 fc00::1 fd00:ec2::254 fd20:ce::254
    fe80::1 fe80::1%eth0 2606:4700::1111%1 fec0::1 ff02::1"""
)


@pytest.mark.parametrize("ip", PRIVATE)
def test_addresses_that_are_not_public(ip):
    assert not addresses.is_public(ip_address(ip))


@given(st.ip_addresses())
@example(ip_address("192.0.0.8"))
def test_the_judge_is_never_kinder_than_ipaddress(ip):
    local = ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_unspecified
    if not (isinstance(ip, IPv6Address) and ip.ipv4_mapped) and (
        local or ip.is_multicast or ip.is_reserved or not ip.is_global
    ):
        assert not addresses.is_public(ip)


@given(st.ip_addresses(v=4), st.integers(0, 2**80 - 1))
def test_a_v4_address_inside_a_v6_one(ip, rest):
    number = int(ip)
    assert addresses.is_public(IPv6Address((0xFFFF << 32) + number)) == addresses.is_public(ip)
    for carrier in (
        number,  # ::a.b.c.d
        (0xFFFF << 48) + number,  # ::ffff:0:a.b.c.d
        (0x64FF9B << 96) + number,
        (0x64FF9B0001 << 80) + number,
        (0x2002 << 112) + (number << 80) + rest,
        (0x20010000 << 96) + (number << 64) + rest % 2**64,
    ):
        assert not addresses.is_public(IPv6Address(carrier))


def spellings(ip):
    number, (a, b, c, d) = int(ip), ip.packed
    return [
        f"{number}",
        f"{number:#x}",
        f"0{number:o}",
        f"{a}.{number & 0xFFFFFF}",
        f"{a}.{b}.{number & 0xFFFF}",
        f"{a:#x}.{b:#X}.0{c:o}.{d}",
        f"0{a:o}.0{b:o}.0{c:o}.0{d:o}",
        f"{ip}.",
    ]


@given(st.ip_addresses(v=4))
def test_every_spelling_is_the_same_address(ip):
    assert {addresses.literal(spelling) for spelling in spellings(ip)} == {ip}


@given(st.text("0123456789abcdefx.-_", min_size=1, max_size=20))
def test_a_host_is_an_address_for_us_when_it_is_one_for_the_c_library(host):
    try:
        expected = IPv4Address(socket.inet_aton(host))
    except OSError:
        expected = None
    try:
        assert addresses.literal(host) == expected or host.endswith(".")
    except ValueError:
        assert expected is None


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "must start with"),
        ("cat.png", "must start with"),
        ("//pictures.example/cat.png", "must start with"),
        ("http:pictures.example", "must start with"),
        ("http:/pictures.example", "must start with"),
        ("ftp://pictures.example/", "must start with"),
        ("file:///etc/passwd", "must start with"),
        ("gopher://pictures.example/", "must start with"),
        ("unix:///run/docker.sock", "must start with"),
        ("http+unix://%2Frun%2Fdocker.sock/", "must start with"),
        ("javascript:alert(1)", "must start with"),
        ("data:image/png;base64,AAAA", "must start with"),
        ("http://", "valid host"),
        ("http:///x", "valid host"),
        ("http://?x", "valid host"),
        ("http://:80/", "valid host"),
        ("http://a..b/", "valid host"),
        ("http://.a/", "valid host"),
        ("http://a;b/", "valid host"),
        ("http://%31%32%37.0.0.1/", "valid host"),
        ("http://a%00.example/", "valid host"),
        ("http://1.2.3.4.5/", "valid host"),
        ("http://256.1/", "valid host"),
        ("http://09.1/", "valid host"),
        ("http://09.1.1.1/", "not valid"),
        ("http://4294967296/", "valid host"),
        ("http://a.0x7f/", "valid host"),
        ("http://" + "a" * 64 + ".example/", "valid host"),
        ("http://" + "a." * 130 + "example/", "valid host"),
        ("http://[::1/", "valid host"),
        ("http://::1/", "valid host"),
        ("http://a:80:80/", "valid host"),
        ("http://a:８０/", "valid host"),
        ("http://a:+80/", "valid host"),
        ("http://[::1]x/", "valid host"),
        ("http://[1.2.3.4]/", "not valid"),
        ("http://[v1.x]/", "not valid"),
        ("http://①②⑦.⓪.⓪.①/", "not valid"),
        ("http://١٢٧.0.0.1/", "not valid"),
        ("http://ｌｏｃａｌｈｏｓｔ/", "not valid"),
        ("http://a/\ud800", "not valid"),
        ("http://jane:secret@a.example/", "user name or password"),
        ("http://@a.example/", "user name or password"),
        ("http://a.example@127.0.0.1/", "user name or password"),
        ("http://127.0.0.1%2f@a.example/", "user name or password"),
        ("http://a.example\\@127.0.0.1/", "backslashes"),
        ("http:\\\\127.0.0.1/", "backslashes"),
        ("http://a.example/ b", "whitespace"),
        (" http://a.example/", "whitespace"),
        ("http://a.example/\r\nX: y", "control"),
        ("http://a.example/\n", "control"),
        ("http://a.example/\x00", "control"),
        ("http://a.example/\x85", "control"),
        ("ht\ntp://a.example/", "control"),
        ("http://a.example/" + "a" * 2032, "longer than 2048"),
        ("http://a.example:8080/", "Port 8080"),
        ("http://a.example:22/", "Port 22"),
        ("http://a.example:0/", "Port 0"),
        ("http://a.example:65616/", "Port 65616"),
        ("http://8.8.8.8:8000/", "Port 8000"),
        ("http://127。0。0。1/", "127.0.0.1 is not public"),
        ("HTTP://[::FFFF:127.0.0.1]/", "is not public"),
        ("http://[fe80::1%25eth0]/", "is not public"),
        *((f"https://{ip}/", "not public|not valid") for ip in spellings(IPv4Address("127.0.0.1"))),
        *((f"http://[{ip}]/" if ":" in ip else f"http://{ip}/", "is not public") for ip in PRIVATE),
    ],
)
def test_check_url_refuses(wire, monkeypatch, url, message):
    monkeypatch.setattr(socket, "getaddrinfo", None)
    with pytest.raises(FetchRefused, match=message) as caught:
        check_url(url, Policy())
    assert (caught.value.code, caught.value.retryable) == ("validation_failed", False)
    assert wire.tried == []


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "HTTPS://A.Example:443/x?y=1&z=a@b#c",
        "http://a.example:/",
        "http://a_b.example./",
        "http://übung.example/größe.jpg?q=ä",
        "http://8.8.8.8/",
        "http://134744072/",
        "http://[2606:4700::1111]:443/",
        "http://[::ffff:8.8.8.8]/",
        "http://a.example/" + "a" * 2031,
    ],
)
def test_check_url_accepts(url):
    check_url(url, Policy())


@given(st.text(max_size=60) | st.text("htp:/@[]%.0123456789x\\?#abc-", max_size=40))
def test_nothing_but_refusals(text):
    for url in (text, f"http://{text}"):
        with suppress(FetchRefused):
            check_url(url, Policy())


def test_policy_comes_from_the_settings(monkeypatch):
    values = SimpleNamespace(OUTGOING_PORTS=[8443], OUTGOING_ALLOW_HOSTS=["intranet:81"])
    monkeypatch.setattr(outgoing, "settings", values)
    assert Policy.from_settings() == Policy(frozenset({8443}), frozenset({"intranet:81"}))
    check_url("http://a.example:8443/")
    check_url("http://intranet:81/")
    with pytest.raises(FetchRefused, match="Port 443"):
        check_url("https://a.example/")
