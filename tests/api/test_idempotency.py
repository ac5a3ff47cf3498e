"""`Idempotency-Key`: what is answered again, what is refused, what is forgotten."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from automations import scenarios
from automations.models import Scenario
from inro.accounts.models import Membership, User
from inro.api import idempotency
from inro.api.models import IdempotencyKey
from inro.api.views import IdempotentPosts
from inro.common.errors import Refused
from media_library.models import MediaFile
from messaging.models import Channel, Event
from tests.conftest import client_of
from tests.media_library import files

SCENARIOS, CHANNELS, MEDIA = "/api/v1/scenarios", "/api/v1/channels", "/api/v1/media_files"
WELCOME = {
    "title": "Welcome",
    "triggers": [{"trigger_type": "contact_create"}],
    "actions": [{"action_key": "m", "action_type": "message", "content": "Hello"}],
}


def post(client, path, body, key="k1", **more):
    return client.post(path, body, headers={"Idempotency-Key": key}, **more)


def assert_replayed(first, second):
    assert second.headers.get("Idempotent-Replay") == "true"
    assert (second.status_code, second.content) == (first.status_code, first.content)
    for name in ("Location", "Content-Type"):
        assert second.headers.get(name) == first.headers.get(name)


def error(answer):
    return answer.status_code, answer.json()["error"]["code"]


def test_the_first_answer_comes_again(api):
    first = post(api, SCENARIOS, WELCOME)
    assert first.status_code == 201, first.content
    assert "Idempotent-Replay" not in first.headers
    assert_replayed(first, post(api, SCENARIOS, WELCOME))
    assert_replayed(first, post(api, SCENARIOS + "/", WELCOME))
    assert Scenario.objects.count() == 1


def test_the_answer_is_the_first_one_whatever_was_done_since(api):
    first = post(api, SCENARIOS, WELCOME)
    Scenario.objects.all().delete()
    assert_replayed(first, post(api, SCENARIOS, WELCOME))
    assert not Scenario.objects.exists()


def test_without_a_key_everything_is_done_again(api):
    api.post(SCENARIOS, WELCOME)
    api.post(SCENARIOS, WELCOME)
    assert Scenario.objects.count() == 2
    assert not IdempotencyKey.objects.exists()


def test_other_content_is_refused(api):
    post(api, SCENARIOS, WELCOME)
    assert error(post(api, SCENARIOS, {**WELCOME, "title": "Other"})) == (409, "conflict")
    assert error(post(api, SCENARIOS + "?x=1", WELCOME)) == (409, "conflict")
    assert Scenario.objects.count() == 1


def test_order_of_the_fields_is_no_content(api):
    first = post(api, SCENARIOS, WELCOME)
    assert_replayed(first, post(api, SCENARIOS, dict(reversed(WELCOME.items()))))


def test_channels_and_events(api):
    first = post(api, CHANNELS, {"kind": "sandbox"})
    assert first.status_code == 201
    assert_replayed(first, post(api, CHANNELS, {"kind": "sandbox"}))
    assert Channel.objects.count() == 1
    address = f"{CHANNELS}/{first.json()['id']}/simulate"
    first = post(api, address, {"from": "jane", "text": "hello"})
    assert first.status_code == 202
    assert_replayed(first, post(api, address, {"from": "jane", "text": "hello"}))
    assert Event.objects.count() == 1


def picture(body=None):
    return SimpleUploadedFile("a.jpg", body or files.picture(), "image/jpeg")


def test_files_are_compared_by_their_bytes(api):
    def upload(body=None):
        fields = {"file": picture(body), "caption": "Hi"}
        return post(api, MEDIA, fields, format="multipart")

    first = upload()
    assert first.status_code == 201, first.content
    assert_replayed(first, upload())
    assert error(upload(files.noise("JPEG"))) == (409, "conflict")
    assert MediaFile.objects.count() == 1


def test_keys_are_of_one_token_and_one_path(api, workspace):
    post(api, SCENARIOS, WELCOME)
    assert post(api, CHANNELS, {"kind": "sandbox"}).status_code == 201
    again = post(client_of(workspace), SCENARIOS, WELCOME)
    assert again.status_code == 201
    assert "Idempotent-Replay" not in again.headers
    assert Scenario.objects.count() == 2


def test_sessions_have_keys_too(workspace):
    user = User.objects.create_user("olga", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace)
    browser = Client()
    browser.force_login(user)
    sent = {"content_type": "application/json"}
    first = post(browser, SCENARIOS, WELCOME, **sent)
    assert first.status_code == 201
    assert_replayed(first, post(browser, SCENARIOS, WELCOME, **sent))


def test_refusals_are_remembered(api):
    first = post(api, SCENARIOS, {"title": "Nothing else"})
    assert error(first) == (400, "validation_failed")
    assert_replayed(first, post(api, SCENARIOS, {"title": "Nothing else"}))


@pytest.mark.parametrize("code", ["rate_limited", "unavailable", "internal_error"])
def test_what_may_turn_out_otherwise_is_not_remembered(api, monkeypatch, code):
    def fail(*args):
        raise Refused(code, "Not now.") if code != "internal_error" else ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(scenarios, "_judged", fail)
        assert post(api, SCENARIOS, WELCOME).json()["error"]["code"] == code
    assert not IdempotencyKey.objects.exists()
    assert post(api, SCENARIOS, WELCOME).status_code == 201


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "ключ".encode().decode("latin-1"), "a\x7f"])
def test_key_has_to_be_visible_ascii(api, key):
    answer = post(api, SCENARIOS, WELCOME, key)
    assert error(answer) == (400, "validation_failed")
    assert list(answer.json()["error"]["details"]) == ["Idempotency-Key"]
    assert not Scenario.objects.exists()


def test_longest_key_is_taken(api):
    assert post(api, SCENARIOS, WELCOME, "~" * 255).status_code == 201


def test_other_methods_ignore_it(api):
    answer = api.get(SCENARIOS, headers={"Idempotency-Key": "a b"})
    assert answer.status_code == 200
    assert not IdempotencyKey.objects.exists()


def test_refused_before_it_may_be_seen(workspace):
    reader = client_of(workspace, ["scenarios.read"])
    assert error(post(reader, SCENARIOS, WELCOME)) == (403, "missing_ability")
    assert not IdempotencyKey.objects.exists()


def test_after_a_day_it_is_a_new_request(api):
    post(api, SCENARIOS, WELCOME)
    day_ago = timezone.now() - timedelta(hours=24)
    IdempotencyKey.objects.update(created_at=day_ago)
    other = post(api, SCENARIOS, {**WELCOME, "title": "Other"})
    assert other.status_code == 201
    assert_replayed(other, post(api, SCENARIOS, {**WELCOME, "title": "Other"}))


def test_old_keys_are_swept(api):
    post(api, SCENARIOS, WELCOME, "old")
    IdempotencyKey.objects.update(created_at=timezone.now() - timedelta(hours=25))
    post(api, SCENARIOS, WELCOME, "new")
    assert idempotency.forget(timezone.now()) == 1
    assert IdempotencyKey.objects.get().key == "new"
    assert idempotency.forget(timezone.now()) == 0


class Death(BaseException):
    """What no view and no handler catches, as a kill."""


@pytest.fixture
def dead(api, monkeypatch):
    """A request whose process died while it ran."""

    def die(*args):
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(scenarios, "_store", die)
        with pytest.raises(Death):
            post(api, SCENARIOS, WELCOME)
    return IdempotencyKey.objects.get()


def test_a_running_request_is_waited_for(api, dead):
    answer = post(api, SCENARIOS, WELCOME)
    assert error(answer) == (409, "conflict")
    assert answer.headers["Retry-After"] == "5"
    assert answer.json()["error"]["retry_after"] == 5
    assert error(post(api, SCENARIOS, {**WELCOME, "title": "Other"})) == (409, "conflict")
    assert not Scenario.objects.exists()


def test_a_dead_request_lets_go(api, dead):
    assert dead.lease_until - dead.created_at == timedelta(seconds=60)
    IdempotencyKey.objects.update(lease_until=timezone.now())
    first = post(api, SCENARIOS, WELCOME)
    assert first.status_code == 201
    assert_replayed(first, post(api, SCENARIOS, WELCOME))
    assert Scenario.objects.count() == 1


def test_who_comes_after_its_lease_writes_nothing(api, monkeypatch):
    """The first is slow; the second takes over while it is still at work."""
    real = scenarios._judged
    answers: list[Any] = []

    def slow(*args):
        if not answers:
            answers.append(None)
            IdempotencyKey.objects.update(lease_until=timezone.now())
            answers[0] = post(api, SCENARIOS, WELCOME)
        return real(*args)

    monkeypatch.setattr(scenarios, "_judged", slow)
    late = post(api, SCENARIOS, WELCOME)
    assert error(late) == (409, "conflict")
    assert answers[0].status_code == 201
    assert Scenario.objects.count() == 1
    assert_replayed(answers[0], post(api, SCENARIOS, WELCOME))


def test_a_crash_after_the_write_still_has_its_answer(api, monkeypatch):
    """Answer and row are committed together: nothing can come between them."""
    from automations.views.scenarios import ScenarioViewSet

    def die(*args, **kwargs):
        raise Death

    with monkeypatch.context() as patch:
        patch.setattr(ScenarioViewSet, "kept", property(die, lambda *args: None), raising=False)
        with pytest.raises(Death):
            post(api, SCENARIOS, WELCOME)
    again = post(api, SCENARIOS, WELCOME)
    assert (again.status_code, again.headers["Idempotent-Replay"]) == (201, "true")
    assert again.json()["id"] == Scenario.objects.get().pk


def test_every_write_keeps_its_answer_itself(api, monkeypatch):
    """None of them leaves it to the moment after its commit."""
    monkeypatch.setattr(idempotency.Reservation, "conclude", lambda *args: pytest.fail("too late"))
    channel = post(api, CHANNELS, {"kind": "sandbox"}).json()["id"]
    event = {"from": "jane", "text": "hello"}
    assert post(api, f"{CHANNELS}/{channel}/simulate", event).status_code == 202
    assert post(api, SCENARIOS, WELCOME).status_code == 201
    assert post(api, MEDIA, {"file": picture()}, format="multipart").status_code == 201
    assert set(IdempotencyKey.objects.values_list("status", flat=True)) == {"done"}
    assert IdempotencyKey.objects.count() == 4


def views(patterns):
    for each in patterns:
        if isinstance(each, URLResolver):
            yield from views(each.url_patterns)
        elif isinstance(each, URLPattern):
            yield each.callback


def test_every_post_of_the_api_takes_a_key():
    mounted = [each for each in get_resolver().url_patterns if str(each.pattern) == "api/v1/"]
    found = list(views(mounted))
    assert len(found) > 5
    for view in found:
        actions = getattr(view, "actions", None) or {}
        if "post" in actions or hasattr(view.cls, "post"):
            assert issubclass(view.cls, IdempotentPosts), view
