"""Tokens, plans, abilities, sessions: who gets in, and how a refusal reads."""

import io
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils import timezone
from psycopg.errors import DeadlockDetected
from rest_framework.test import APIClient

from inro.accounts.models import ApiToken, Membership, User, Workspace
from tests.conftest import client_of

ME = "/api/v1/me"


def refusal(answer):
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


def test_token_opens_its_workspace(workspace, stranger):
    answer = client_of(workspace).get(ME)
    assert answer.status_code == 200
    assert answer.json()["workspace"] == {
        "id": workspace.pk,
        "name": "Acme",
        "subdomain": "acme",
        "plan": "pro",
        "timezone": "UTC",
    }
    assert answer.json()["token"] == {"name": "test", "abilities": ["*"], "expires_at": None}


def test_api_key_header_means_the_same(workspace):
    _, plain = ApiToken.issue(workspace)
    assert APIClient().get(ME, headers={"X-Api-Key": plain}).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Bearer apitk_wrong",
        "Bearer",
        "Bearer ",
        "Token abc",
        "Basic YTpi",
        "Bearer apitk_" + "é" * 60,
    ],
)
def test_wrong_token_is_refused(workspace, header):
    client = APIClient(headers={"Authorization": header.encode().decode("latin-1")})
    answer = client.get(ME)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "authentication_failed"
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_missing_token_is_refused(db):
    assert refusal(APIClient().get(ME)) == (
        401,
        "authentication_failed",
        "Give an API token: 'Authorization: Bearer apitk_…'.",
    )


def test_every_altered_character_of_a_token_is_refused(workspace):
    _, plain = ApiToken.issue(workspace)
    for place in range(len(plain)):
        other = "A" if plain[place] != "A" else "B"
        altered = plain[:place] + other + plain[place + 1 :]
        assert ApiToken.authenticate(altered) is None, place


def test_expired_and_revoked_tokens_are_refused(workspace):
    now = timezone.now()
    _, expired = ApiToken.issue(workspace, expires_at=now - timedelta(seconds=1))
    token, revoked = ApiToken.issue(workspace)
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=now)
    for plain in (expired, revoked):
        answer = APIClient().get(ME, headers={"Authorization": f"Bearer {plain}"})
        assert refusal(answer) == (401, "authentication_failed", "Invalid API token")


def test_secret_is_not_kept(workspace):
    token, plain = ApiToken.issue(workspace)
    stored = str(ApiToken.objects.filter(pk=token.pk).values().get())
    assert plain not in stored
    assert plain[len("apitk_") + ApiToken.KEY_ID_LENGTH :] not in stored


def test_free_plan_is_refused(workspace):
    Workspace.objects.filter(pk=workspace.pk).update(plan="free")
    code = refusal(client_of(workspace).get(ME))
    assert code[:2] == (403, "plan_required")


def test_missing_ability_is_named(workspace):
    answer = client_of(workspace, ["media.read"]).get("/api/v1/channels")
    assert refusal(answer) == (
        403,
        "missing_ability",
        "Token does not have the required ability: channels.read",
    )


def test_last_use_is_written_once_a_minute(workspace, django_assert_num_queries):
    _, plain = ApiToken.issue(workspace)
    with django_assert_num_queries(2):
        ApiToken.authenticate(plain)
    with django_assert_num_queries(1):
        ApiToken.authenticate(plain)


@pytest.fixture
def operator(workspace):
    user = User.objects.create_user("olga", is_staff=True)
    Membership.objects.create(user=user, workspace=workspace)
    return user


def test_session_acts_on_its_only_workspace(operator, workspace):
    browser = Client()
    browser.force_login(operator)
    answer = browser.get(ME)
    assert answer.json()["workspace"]["id"] == workspace.pk
    assert answer.json()["token"] == {"name": "olga", "abilities": ["*"], "expires_at": None}


def test_session_with_two_workspaces_must_name_one(operator, workspace, stranger):
    Membership.objects.create(user=operator, workspace=stranger)
    browser = Client()
    browser.force_login(operator)
    assert refusal(browser.get(ME))[:2] == (400, "validation_failed")
    named = browser.get(ME, headers={"X-Workspace": "rival"})
    assert named.json()["workspace"]["id"] == stranger.pk


def test_session_cannot_name_a_foreign_workspace(operator, stranger):
    browser = Client()
    browser.force_login(operator)
    answer = browser.get(ME, headers={"X-Workspace": "rival"})
    assert refusal(answer)[:2] == (400, "validation_failed")


def test_session_needs_the_csrf_token_to_write(operator):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    answer = browser.post("/api/v1/scenarios", {}, content_type="application/json")
    assert refusal(answer)[:2] == (403, "permission_denied")


def test_unknown_address_answers_in_the_one_shape(api):
    assert refusal(api.get("/api/v1/nothing"))[:2] == (404, "not_found")


def test_method_not_allowed(api):
    assert refusal(api.delete(ME))[:2] == (405, "method_not_allowed")


def test_trailing_slash_is_accepted(api):
    assert api.get(ME + "/").status_code == 200


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "*/*", "", "nonsense"])
def test_answer_is_json_whatever_is_asked_for(api, accept):
    answer = api.get(ME, headers={"Accept": accept})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")


def test_unknown_parameter_is_named(api):
    error = api.get(ME + "?pretty=1").json()["error"]
    assert error["details"] == {"pretty": ["Unknown parameter. None is known here."]}


def test_malformed_json(api):
    answer = api.post("/api/v1/scenarios", '{"title": ', content_type="application/json")
    assert refusal(answer)[:2] == (400, "malformed_json")


def test_other_body_types_are_refused(api):
    answer = api.post("/api/v1/scenarios", "<a/>", content_type="application/xml")
    assert refusal(answer)[:2] == (415, "unsupported_media_type")


def test_announced_length_over_the_limit_is_refused_unread(api, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    answer = api.post("/api/v1/scenarios", {"title": "x" * 2000}, format="json")
    assert refusal(answer)[:2] == (413, "too_large")


def test_request_id_is_given_and_taken_over(api):
    assert len(api.get(ME).headers["X-Request-Id"]) == 32
    named = api.get(ME, headers={"X-Request-Id": "abc-12345"})
    assert named.headers["X-Request-Id"] == "abc-12345"
    evil = api.get(ME, headers={"X-Request-Id": "a b\nc"})
    assert len(evil.headers["X-Request-Id"]) == 32


def test_unexpected_error_carries_the_request_id_and_nothing_else(workspace, monkeypatch):
    from inro.api.me import MeView

    monkeypatch.setattr(MeView, "get", lambda *a: 1 / 0)
    client = client_of(workspace)
    client.raise_request_exception = False
    answer = client.get(ME)
    assert answer.status_code == 500
    request_id = answer.headers["X-Request-Id"]
    assert answer.json() == {
        "error": {
            "code": "internal_error",
            "message": f"Something went wrong here; request {request_id}.",
        }
    }


def test_deadlock_is_to_be_tried_again(workspace, monkeypatch):
    from inro.api.me import MeView

    def get(*_):
        raise OperationalError("deadlock detected") from DeadlockDetected()

    monkeypatch.setattr(MeView, "get", get)
    answer = client_of(workspace).get(ME)
    assert (*refusal(answer)[:2], answer.headers["Retry-After"]) == (503, "unavailable", "10")


@pytest.mark.parametrize(
    "body",
    [
        b'{"title": NaN}',
        b'{"title": Infinity}',
        b'{"title": 1e999}',
        b'{"x\xed\xa0\x80": 1}',
        '{"title": "\\ud800"}'.encode("utf-16"),
        b'{"title": "\\ud800"}',
        b'{"\\udc00": 1}',
        b"[" * 5000 + b"]" * 5000,
        b'{"a":' * 200 + b"1" + b"}" * 200,
        b"\xff\xfe",
        b'{"a": "\xe9"}',
        b"",
    ],
    ids=range(12),
)
def test_what_cannot_be_stored_is_not_json(api, body):
    answer = api.post("/api/v1/scenarios", body, content_type="application/json")
    assert answer.status_code == 400, answer.text


@pytest.mark.parametrize("body", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_other_values_than_objects_are_refused(api, body):
    answer = api.post("/api/v1/scenarios", body, content_type="application/json")
    assert refusal(answer)[:2] == (400, "validation_failed")
    answer = api.post("/api/v1/channels", body, content_type="application/json")
    assert refusal(answer)[:2] == (400, "validation_failed")


@pytest.mark.parametrize("accept", ["application/xml", "text/html", "nonsense"])
@pytest.mark.parametrize("path", [ME, "/api/v1/media_files", "/api/schema/", "/api/docs/"])
def test_whatever_a_client_accepts_it_is_answered(api, path, accept):
    assert api.get(path, headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize("path", [ME, "/api/v1/channels", "/api/v1/media_files", "/api/docs/"])
def test_options_is_no_method_of_ours(api, path):
    assert api.options(path).status_code == 405


def test_too_many_fields_and_files_are_refused(api):
    fields = {f"field{number}": "x" for number in range(2100)}
    assert refusal(api.post("/api/v1/media_files", fields, format="multipart"))[0] == 400
    files = {f"file{n}": io.BytesIO(b"x") for n in range(150)}
    assert refusal(api.post("/api/v1/media_files", files, format="multipart"))[0] == 400


def test_a_body_without_a_length_is_refused(api):
    answer = api.post("/api/v1/scenarios", headers={"Transfer-Encoding": "chunked"})
    assert refusal(answer)[:2] == (411, "length_required")


def test_large_forms_are_for_files_only(settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 1000
    form = {"username": "x" * 2000}
    assert Client().post("/admin/login/", form).status_code == 413


@pytest.mark.parametrize("charset", ["hex", "base64", "nonsense", "rot13", ""])
def test_a_nonsense_charset_is_answered(charset, db):
    from inro.wsgi import application

    seen = []
    environ = {
        **RequestFactory().get("/").META,
        "PATH_INFO": "/health/live",
        "QUERY_STRING": "a=1",
        "CONTENT_TYPE": f"text/plain; charset={charset}",
    }
    application(environ, lambda status, headers: seen.append(status))
    assert seen == ["200 OK"]


def test_one_trailing_slash_and_no_more(api):
    assert api.get(ME + "//").status_code == 404


def test_ids_are_plain_digits(api):
    assert api.get("/api/v1/media_files/１").status_code == 404


def test_a_foreign_host_is_refused_in_the_one_shape(api):
    answer = api.get(ME, headers={"Host": "evil.example"})
    assert refusal(answer)[:2] == (400, "validation_failed")


def test_errors_of_the_admin_are_pages(db):
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    answer = client.get("/admin/nothing/")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
