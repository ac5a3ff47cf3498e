import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta

import pytest
from django.utils import timezone

from messaging.channels.base import ProviderRequest
from messaging.delivery import calling
from messaging.delivery.answers import Answer, Answers, Reach
from messaging.delivery.calling import Call, Caller
from messaging.delivery.news import Attempt
from tests.messaging.delivery.provider import TOKEN, Provider
from tests.waiting import eventually


@pytest.fixture
def client() -> Iterator[Caller]:
    made = Caller()
    yield made
    made.close()


def a_call(
    url: str, text: str = "hello", key: int = 1, *, to: str = "9001", seconds: float = 2
) -> Call:
    body = {"recipient": {"id": to}, "message": {"text": text}}
    request = ProviderRequest(f"{url}/1784/messages", body, {"Authorization": TOKEN})
    return Call.of(Attempt(key, 1), request, timezone.now() + timedelta(seconds=seconds))


def ask(client: Caller, *calls: Call) -> list[Answer]:
    answers = Answers()
    client.submit(calls, answers)
    return sorted(answers.take(len(calls), 10), key=lambda answer: answer.attempt)


@pytest.mark.parametrize(
    ("behaviour", "reach", "status"),
    [
        ("ok", Reach.ANSWERED, 200),
        ("busy", Reach.ANSWERED, 400),
        ("bare500", Reach.ANSWERED, 500),
        ("redirect", Reach.ANSWERED, 302),
        ("drop", Reach.UNANSWERED, 0),
        ("reset", Reach.UNANSWERED, 0),
        ("cut", Reach.UNANSWERED, 0),
        ("huge", Reach.UNANSWERED, 0),
    ],
)
def test_how_far_a_call_got(client, provider: Provider, behaviour, reach, status):
    provider.script["hello"] = [behaviour]
    (answer,) = ask(client, a_call(provider.url))
    assert (answer.reach, answer.status) == (reach, status)
    assert provider.texts() == ["hello"], "nothing is followed or repeated"


def test_call_that_hangs_is_given_up(monkeypatch, provider: Provider):
    monkeypatch.setattr(calling, "TOTAL_SECONDS", 1)
    client = Caller()
    # Over a connection that is open already: a second is enough to write into it.
    (answer,) = ask(client, a_call(provider.url))
    assert answer.reach == Reach.ANSWERED
    provider.script["hello"] = ["hang"]
    (answer,) = ask(client, a_call(provider.url))
    assert answer.reach == Reach.UNANSWERED
    client.close()


def test_connections_are_kept_open(client, provider: Provider):
    for n in range(5):
        ask(client, a_call(provider.url, f"text {n}"))
    assert provider.connections == 1


def test_refused_connection_is_unsent(client):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        assert ask(client, a_call(url))[0].reach == Reach.UNSENT


def test_unknown_name_is_unsent(client):
    assert ask(client, a_call("http://no-such-name.invalid"))[0].reach == Reach.UNSENT


def test_connection_that_does_not_open_is_unsent(monkeypatch):
    monkeypatch.setattr(calling, "CONNECT_SECONDS", 0.1)
    client = Caller()
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filling in (first, second):  # the queue of a listener that never accepts
            filling.setblocking(False)
            filling.connect_ex(full.getsockname())
        answer = ask(client, a_call(f"http://127.0.0.1:{full.getsockname()[1]}"))[0]
    assert answer.reach == Reach.UNSENT
    client.close()


def test_server_without_tls_is_unsent(client, provider: Provider):
    """The handshake fails before the request: the token has not left either."""
    url = provider.url.replace("http:", "https:")
    assert ask(client, a_call(url))[0].reach == Reach.UNSENT
    assert provider.got == []


def test_untrusted_certificate_is_unsent(client, tmp_path):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                context.wrap_socket(connection, server_side=True).recv(1)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"https://127.0.0.1:{server.getsockname()[1]}"
        assert ask(client, a_call(url))[0].reach == Reach.UNSENT
        thread.join(5)


def certificate(folder):
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nobody")])
    made = x509.CertificateBuilder(name, name, key.public_key(), 1)
    now = timezone.now()
    made = made.not_valid_before(now).not_valid_after(now + timedelta(days=1))
    signed = made.sign(key, hashes.SHA256())
    (folder / "cert").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "cert", folder / "key"


def test_answer_that_is_not_http_is_unanswered(client):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example ESMTP\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert ask(client, a_call(url))[0].reach == Reach.UNANSWERED


def test_late_call_is_not_made(client, provider: Provider):
    answer = ask(client, a_call(provider.url, seconds=-0.1))[0]
    assert (answer.reach, provider.got) == (Reach.UNCALLED, [])


def test_stopping_process_begins_no_call(client, provider: Provider):
    provider.script["under way"] = ["hang"]
    answers = Answers()
    client.submit([a_call(provider.url, "under way", 1)], answers)
    eventually(lambda: provider.got, "the first call")
    calling.stopping.set()
    assert ask(client, a_call(provider.url, "too late", 2))[0].reach == Reach.UNCALLED
    provider.release.set()
    assert answers.take(1, 5)[0].reach == Reach.ANSWERED
    assert provider.texts() == ["under way"]


def test_calls_beyond_the_slots_wait_and_count_as_late(monkeypatch, provider: Provider):
    monkeypatch.setattr(calling, "SLOTS", 2)
    client = Caller()
    provider.script |= {"a": ["hang"], "b": ["hang"]}
    answers = Answers()
    calls = [a_call(provider.url, text, n, to=text, seconds=0.3) for n, text in enumerate("abc")]
    client.submit(calls, answers)
    eventually(lambda: len(provider.got) == 2, "two calls")
    assert client.free_slots == 0
    time.sleep(0.35)
    provider.release.set()
    found = {answer.attempt.message_id: answer.reach for answer in answers.take(len(calls), 5)}
    assert found == {0: Reach.ANSWERED, 1: Reach.ANSWERED, 2: Reach.UNCALLED}
    client.close()


def test_closing_leaves_no_call_without_an_answer(provider: Provider):
    client = Caller()
    provider.script["hello"] = ["hang"]
    answers = Answers()
    client.submit([a_call(provider.url)], answers)
    eventually(lambda: provider.got, "the call")
    client.close()
    assert answers.take(1, 1)[0].reach == Reach.UNANSWERED


@pytest.mark.parametrize(
    "request_",
    [
        ProviderRequest("https://example.org", {}, {"Authorization": "Bearer a\nHost: b"}),
        ProviderRequest("ftp://example.org", {}, {}),
        ProviderRequest("/v26.0/messages", {}, {}),
        ProviderRequest("https://example.org", {}, {}, method="PUT"),
    ],
)
def test_request_that_cannot_be_written_is_refused_before_any_call(request_):
    with pytest.raises(ValueError, match=r"header|address|method"):
        Call.of(Attempt(1, 1), request_, timezone.now())


def test_failure_is_logged_without_the_address(client, caplog):
    caplog.set_level("INFO")
    ask(client, a_call("http://no-such-name.invalid/phones/+491701234567"))
    assert "call failed" in caplog.text
    assert "491701234567" not in caplog.text
    assert "invalid" not in caplog.text
