"""What is sent to Instagram, and what its answers come to."""

import hashlib
import hmac
import json

import pytest

from messaging.channels import CHANNELS
from messaging.channels.base import Account, Outcome, Outgoing, refused_by
from messaging.models import MessageType

INSTAGRAM = CHANNELS["instagram"]
MB = 1024 * 1024


def account(login="instagram", app_secrets=("one", "two")):
    return Account(
        channel_id=1,
        account_id="1784",
        settings={"login": login},
        secrets={"access_token": "IGAA-token", "app_secrets": list(app_secrets)},
    )


def outgoing(message_type=MessageType.TEXT, **fields):
    return Outgoing(message_id=5, to="9001", message_type=message_type, **fields)


class TestRequest:
    @pytest.mark.parametrize(
        ("login", "url"),
        [
            ("instagram", "https://graph.instagram.com/v26.0/1784/messages"),
            ("facebook", "https://graph.facebook.com/v26.0/me/messages"),
        ],
    )
    def test_the_login_decides_the_address(self, login, url):
        request = INSTAGRAM.request(account(login), outgoing(text="hi"))
        assert request is not None
        assert (request.method, request.url) == ("POST", url)
        assert request.headers == {"Authorization": "Bearer IGAA-token"}

    @pytest.mark.parametrize(("login", "path"), [("instagram", "1784"), ("facebook", "me")])
    def test_a_stand_in_may_take_its_place(self, settings, login, path):
        settings.INSTAGRAM_API_URL = "http://127.0.0.1:9/v26.0"
        request = INSTAGRAM.request(account(login), outgoing(text="hi"))
        assert request is not None
        assert request.url == f"http://127.0.0.1:9/v26.0/{path}/messages"

    def test_text(self):
        request = INSTAGRAM.request(account(), outgoing(text="grüße"))
        assert request is not None
        assert request.json == {"recipient": {"id": "9001"}, "message": {"text": "grüße"}}

    @pytest.mark.parametrize("kind", ["image", "video", "audio", "file"])
    def test_media(self, kind):
        sent = outgoing(MessageType(kind), media_url="https://us.example/media/x")
        request = INSTAGRAM.request(account(), sent)
        assert request is not None
        assert request.json == {
            "recipient": {"id": "9001"},
            "message": {
                "attachment": {"type": kind, "payload": {"url": "https://us.example/media/x"}}
            },
        }


class TestLimits:
    def refusal(self, *args, **fields):
        found = refused_by(INSTAGRAM.capabilities, outgoing(*args, **fields))
        return found and found.code

    def test_text_counts_in_bytes(self):
        assert self.refusal(text="x" * 1000) is None
        assert self.refusal(text="ü" * 500) is None
        assert self.refusal(text="ü" * 501) == "text_too_long"
        assert self.refusal(text="") == "text_missing"

    @pytest.mark.parametrize(
        ("kind", "mime_type", "limit"),
        [
            ("image", "image/jpeg", 8 * MB),
            ("image", "image/png", 8 * MB),
            ("image", "image/gif", 8 * MB),
            ("audio", "audio/aac", 25 * MB),
            ("audio", "audio/mp4", 25 * MB),
            ("audio", "audio/wav", 25 * MB),
            ("video", "video/mp4", 25 * MB),
            ("video", "video/quicktime", 25 * MB),
            ("video", "video/webm", 25 * MB),
            ("video", "video/ogg", 25 * MB),
            ("file", "application/pdf", 25 * MB),
        ],
    )
    def test_media_up_to_its_size(self, kind, mime_type, limit):
        assert self.refusal(MessageType(kind), mime_type=mime_type, size=limit) is None
        too_large = self.refusal(MessageType(kind), mime_type=mime_type, size=limit + 1)
        assert too_large == "media_too_large"

    @pytest.mark.parametrize(
        ("kind", "mime_type"),
        [
            ("image", "image/webp"),
            ("audio", "audio/mpeg"),
            ("audio", "audio/ogg"),
            ("file", "text/csv"),
        ],
    )
    def test_other_types_do_not_go(self, kind, mime_type):
        assert self.refusal(MessageType(kind), mime_type=mime_type, size=1) == "media_not_supported"

    def test_captions_do_not_go_along(self):
        assert not INSTAGRAM.capabilities.captions


def answered(code, subcode=None, status=400, **rest):
    error = {"message": "Nachricht", "type": "OAuthException", "code": code, **rest}
    if subcode is not None:
        error["error_subcode"] = subcode
    return INSTAGRAM.verdict(status, json.dumps({"error": error}).encode())


VERDICTS = [
    # code, subcode, outcome, our word
    (10, 2534022, Outcome.REFUSED, "outside_window"),
    (10, None, Outcome.REFUSED, "permission_missing"),
    (200, None, Outcome.REFUSED, "permission_missing"),
    (200, 2534066, Outcome.REFUSED, "permission_missing"),
    (3, None, Outcome.REFUSED, "permission_missing"),
    (100, 2534014, Outcome.REFUSED, "recipient_not_found"),
    (100, 2534025, Outcome.REFUSED, "comment_not_answerable"),
    (100, 2534001, Outcome.REFUSED, "thread_gone"),
    (100, 33, Outcome.REFUSED, "object_missing"),
    (100, None, Outcome.REFUSED, "invalid_parameter"),
    (100, 999, Outcome.REFUSED, "invalid_parameter"),
    (10900, None, Outcome.REFUSED, "already_replied"),
    (10903, 1893049, Outcome.REFUSED, "recipient_unavailable"),
    (10904, 1893050, Outcome.REFUSED, "messages_off"),
    (551, 1545041, Outcome.REFUSED, "recipient_unavailable"),
    (230, None, Outcome.REFUSED, "consent_missing"),
    (7, 2534013, Outcome.REFUSED, "private_reply_limit"),
    (36000, 2207004, Outcome.REFUSED, "media_too_large"),
    (4, None, Outcome.BUSY, "rate_limited"),
    (17, None, Outcome.BUSY, "rate_limited"),
    (32, None, Outcome.BUSY, "rate_limited"),
    (613, None, Outcome.BUSY, "rate_limited"),
    (613, 2534040, Outcome.BUSY, "rate_limited"),
    (80002, None, Outcome.BUSY, "rate_limited"),
    (2, None, Outcome.BUSY, "provider_busy"),
    (2, 1545133, Outcome.BUSY, "provider_busy"),
    (-1, 2207001, Outcome.BUSY, "provider_busy"),
    (-2, 2207003, Outcome.BUSY, "media_not_fetched"),
    (1, None, Outcome.UNKNOWN, "provider_unsure"),
    (1, 1357046, Outcome.UNKNOWN, "provider_unsure"),
]
STOPPING = [
    (190, None, "token_invalid"),
    (190, 463, "token_invalid"),
    (200, 2534041, "messages_access_off"),
    (10, 1893063, "account_restricted"),
    (100, 2534029, "account_restricted"),
    (368, None, "account_restricted"),
    (9, 2534122, "account_restricted"),
]


class TestVerdict:
    def test_accepted(self):
        verdict = INSTAGRAM.verdict(200, b'{"recipient_id":"9001","message_id":"mid.7"}')
        assert (verdict.outcome, verdict.provider_message_id) == (Outcome.ACCEPTED, "mid.7")

    @pytest.mark.parametrize("status", [200, 400, 403, 500])
    @pytest.mark.parametrize(("code", "subcode", "outcome", "word"), VERDICTS)
    def test_an_error_is_known_by_its_codes(self, code, subcode, outcome, word, status):
        verdict = answered(code, subcode, status)
        assert (verdict.outcome, verdict.code, verdict.channel_error) == (outcome, word, "")
        assert verdict.provider_code == (f"{code}/{subcode}" if subcode else str(code))
        assert verdict.message.endswith(".")
        assert not verdict.provider_message_id

    @pytest.mark.parametrize(("code", "subcode", "word"), STOPPING)
    def test_some_stop_the_channel_and_keep_the_message(self, code, subcode, word):
        verdict = answered(code, subcode, 403)
        assert (verdict.outcome, verdict.code) == (Outcome.BUSY, word)
        assert verdict.channel_error == verdict.message != ""

    def test_codes_may_be_written_as_text(self):
        assert answered("190", "463").code == "token_invalid"

    @pytest.mark.parametrize(
        ("status", "rest", "outcome"),
        [
            (500, {}, Outcome.BUSY),
            (503, {"is_transient": False}, Outcome.BUSY),
            (400, {"is_transient": True}, Outcome.BUSY),
            (429, {}, Outcome.BUSY),
            (400, {"is_transient": False}, Outcome.REFUSED),
            (200, {}, Outcome.REFUSED),
        ],
    )
    def test_an_unknown_error_of_theirs(self, status, rest, outcome):
        verdict = answered(424242, status=status, **rest)
        assert verdict.outcome == outcome
        assert verdict.retryable == (outcome == Outcome.BUSY)

    def test_their_words_for_people_are_passed_on_where_we_have_none(self):
        verdict = answered(424242, error_user_msg="Zu viele Emojis. " * 100)
        assert verdict.message.startswith("The provider refused the message: Zu viele Emojis.")
        assert len(verdict.message) <= 300

    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            # Not their own error: a proxy, a crash, a cut. It may have been sent.
            (500, b"", Outcome.UNKNOWN),
            (502, b"<html>Bad gateway</html>", Outcome.UNKNOWN),
            (503, b'{"error":"upstream"}', Outcome.UNKNOWN),
            (500, b'{"error":{"message":"no code"}}', Outcome.UNKNOWN),
            (408, b"", Outcome.UNKNOWN),
            (301, b"", Outcome.UNKNOWN),
            (200, b"", Outcome.UNKNOWN),
            (200, b"[]", Outcome.UNKNOWN),
            (200, b"\xff", Outcome.UNKNOWN),
            (200, b'{"recipient_id":"9001"}', Outcome.UNKNOWN),
            (200, b'{"message_id":""}', Outcome.UNKNOWN),
            (200, b'{"message_id":7}', Outcome.UNKNOWN),
            (200, b'{"message_id":"%s"}' % (b"m" * 301), Outcome.UNKNOWN),
            (200, b'{"error":{"message":"no code"}}', Outcome.UNKNOWN),
            (200, b"[" * 100_000, Outcome.UNKNOWN),
            # Said to be not accepted.
            (429, b"", Outcome.BUSY),
            (404, b"<html>", Outcome.REFUSED),
            (401, b"", Outcome.REFUSED),
        ],
    )
    def test_answers_without_an_error_of_theirs(self, status, body, outcome):
        assert INSTAGRAM.verdict(status, body).outcome == outcome


class TestSigning:
    RAW = b'{"object":"instagram"}'

    def signed(self, secret, raw=RAW):
        return "sha256=" + hmac.new(secret.encode(), raw, hashlib.sha256).hexdigest()

    def secret(self, header, raw=RAW):
        return INSTAGRAM.signing_secret(account(), {"X-Hub-Signature-256": header}, raw)

    def test_the_secret_that_signed_is_found(self):
        assert self.secret(self.signed("one")) == "one"
        assert self.secret(self.signed("two")) == "two"

    def test_nothing_else_signs(self):
        assert self.secret(self.signed("three")) is None
        assert self.secret(self.signed("one"), raw=self.RAW + b" ") is None
        assert self.secret("") is None
        assert self.secret("ü") is None
        assert INSTAGRAM.signing_secret(account(), {}, self.RAW) is None
        assert INSTAGRAM.signing_secret(account(app_secrets=()), {}, self.RAW) is None
