"""The rate limit of a token: what counts, what is told, what ends it."""

import pytest
from django.core.cache import cache
from django.test import Client
from rest_framework.test import APIClient

from inro.accounts.models import ApiToken, Membership, User, Workspace
from inro.api.limiting import charge
from tests.conftest import client_of
from tests.waiting import shared_out

ME = "/api/v1/me"
HEADERS = {"X-RateLimit-Limit", "X-RateLimit-Remaining"}


@pytest.fixture(autouse=True)
def three_a_minute(settings, time_machine):
    settings.API_RATE_LIMIT = "3/min"
    time_machine.move_to("2026-01-01T12:00:15+00:00", tick=False)


def told(answer):
    return tuple(answer.headers.get(name) for name in sorted(HEADERS))


def test_answers_count_down_and_then_refuse(api):
    assert [told(api.get(ME)) for _ in range(3)] == [("3", "2"), ("3", "1"), ("3", "0")]
    refused = api.get(ME)
    assert refused.status_code == 429
    assert refused.json() == {
        "error": {
            "code": "rate_limited",
            "message": "This token has made its 3 requests of this period; wait for the next.",
            "retry_after": 45,
        }
    }
    assert refused.headers["Retry-After"] == "45"
    assert told(refused) == ("3", "0")


def test_the_time_told_is_enough(api, time_machine):
    wait = 0
    for _ in range(4):
        wait = int(api.get(ME).headers.get("Retry-After", 0))
    time_machine.shift(wait)
    assert told(api.get(ME)) == ("3", "2")


def test_refused_and_invalid_requests_count(workspace):
    limited = client_of(workspace, ["media.read"])
    answers = [
        limited.get("/api/v1/channels"),
        limited.get(ME + "?x=1"),
        limited.delete(ME),
        limited.get(ME),
    ]
    assert [each.status_code for each in answers] == [403, 400, 405, 429]
    assert [told(each) for each in answers[:3]] == [("3", "2"), ("3", "1"), ("3", "0")]


def test_free_plan_counts_too(workspace):
    Workspace.objects.filter(pk=workspace.pk).update(plan="free")
    client = client_of(workspace)
    assert [client.get(ME).status_code for _ in range(4)] == [403, 403, 403, 429]


def test_unexpected_errors_carry_the_headers(api, monkeypatch):
    from inro.api.me import MeView

    monkeypatch.setattr(MeView, "get", lambda *a: 1 / 0)
    api.raise_request_exception = False
    assert told(api.get(ME)) == ("3", "2")


def test_each_token_has_its_own_window(api, workspace):
    for _ in range(4):
        api.get(ME)
    assert client_of(workspace).get(ME).status_code == 200


def test_a_token_may_have_its_own_limit(workspace):
    token, plain = ApiToken.issue(workspace, rate_limit="1/hour")
    client = APIClient(headers={"Authorization": f"Bearer {plain}"})
    assert told(client.get(ME)) == ("1", "0")
    assert client.get(ME).headers["Retry-After"] == str(3600 - 15)
    ApiToken.objects.filter(pk=token.pk).update(rate_limit="0")
    assert told(client.get(ME)) == (None, None)


def test_switched_off(api, settings):
    settings.API_RATE_LIMIT = "0"
    answers = [api.get(ME) for _ in range(5)]
    assert {each.status_code for each in answers} == {200}
    assert told(answers[0]) == (None, None)


def test_nobody_is_told_or_counted_without_a_valid_token(workspace):
    wrong = APIClient(headers={"Authorization": "Bearer apitk_wrong"})
    for client in (wrong, APIClient()):
        answers = [client.get(ME) for _ in range(5)]
        assert {each.status_code for each in answers} == {401}
        assert told(answers[0]) == (None, None)


def test_sessions_are_not_limited(workspace):
    user = User.objects.create_user("olga", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace)
    browser = Client()
    browser.force_login(user)
    answers = [browser.get(ME) for _ in range(5)]
    assert {each.status_code for each in answers} == {200}
    assert told(answers[0]) == (None, None)


def test_a_dead_cache_limits_nobody(api, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise ConnectionError("no cache")

    monkeypatch.setattr(cache, "incr", fail)
    answers = [api.get(ME) for _ in range(5)]
    assert {each.status_code for each in answers} == {200}
    assert told(answers[0]) == (None, None)
    assert "requests cannot be counted" in caplog.text


def test_requests_at_once_are_all_counted(workspace, settings):
    settings.API_RATE_LIMIT = "1000/min"
    token, _ = ApiToken.issue(workspace)
    counted = shared_out(lambda _: charge(token), range(400), threads=8)
    assert sorted(each.used for each in counted if each) == list(range(1, 401))
