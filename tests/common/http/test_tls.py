"""The name is verified although the socket opens to an address."""

import ssl
import time
from datetime import UTC, datetime, timedelta

import httpcore2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from inro.common import http
from tests.common.http.conftest import (
    NAME,
    OVER,
    PNG,
    PUBLIC,
    Names,
    dripping,
    get,
    picture,
    refusal,
    reply,
    timed,
)


def certificate(name, authority=None):
    """(key, certificate) signed by `authority`, or a new authority's own."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    signer, issuer = (authority[0], authority[1].subject) if authority else (key, subject)
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(authority is None, None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    )
    # Newer Pythons ask for what RFC 5280 asks for.
    for extension, critical in (
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), False),
        (_key_usage(authority is None), True),
    ):
        builder = builder.add_extension(extension, critical=critical)
    return key, builder.sign(signer, hashes.SHA256())


def _key_usage(is_authority):
    return x509.KeyUsage(
        digital_signature=not is_authority,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


class Tls:
    """Wraps a server's connections; `names` are those that clients asked for."""

    def __init__(self, file):
        self.names: list[str] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(file)
        self.context.sni_callback = lambda channel, name, context: self.names.append(name)

    def __call__(self, connection):
        return self.context.wrap_socket(connection, server_side=True)


@pytest.fixture
def tls(monkeypatch, tmp_path):
    """A server for NAME, under an authority that `fetch` trusts."""
    authority = certificate("Test authority")
    key, own = certificate(NAME, authority)
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file = tmp_path / "server.pem"
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    file.write_bytes(private + own.public_bytes(pem))
    trust = ssl.create_default_context(cadata=authority[1].public_bytes(pem).decode())
    monkeypatch.setattr(http, "_trust", lambda: trust)
    return Tls(file)


def test_tls(serve, wire, tls):
    body = PNG * 5000
    site = serve(picture(body), tls=tls)
    assert get(site)[1] == body
    assert tls.names == [NAME]
    assert wire.tried == [PUBLIC]


def test_a_certificate_for_another_name(serve, tls):
    site = serve(tls=tls)
    refused = refusal(site, host="other.example", resolver=Names({"other.example": [PUBLIC]}))
    message = "The certificate of other.example is not valid."
    assert refused.args == ("download_failed", message, False)
    assert site.heads == []


def test_a_certificate_of_an_unknown_authority(serve, tls, monkeypatch):
    monkeypatch.setattr(http, "_trust", httpcore2.default_ssl_context)
    site = serve(tls=tls)
    assert not refusal(site).retryable
    assert site.heads == []


def test_no_tls_where_tls_is_asked_for(serve, tls):
    def plain(connection):
        connection.sendall(reply())
        return connection

    refused = refusal(serve(tls=plain))
    assert refused.args == ("download_failed", f"The connection to {NAME} failed.", True)


def test_a_handshake_that_drips_ends_with_the_clock(serve, tls):
    def drip(connection):
        dripping(b"\x16\x03\x03\x10\x00\x02", b"\0")(None, connection, "")

    refused, took = timed(lambda: refusal(serve(tls=drip), total_timeout=0.5))
    assert refused.args == OVER
    assert took < 3


def test_a_body_that_drips_through_tls(serve, tls):
    site = serve(dripping(reply(b""), b"a"), tls=tls)
    refused, took = timed(lambda: refusal(site, total_timeout=0.5))
    assert refused.args == OVER
    assert took < 3


def test_a_pause_within_tls(serve, tls):
    def answer(site, connection, path):
        time.sleep(0.6)
        connection.sendall(reply())

    site = serve(answer, tls=tls)
    assert get(site)[1] == PNG
