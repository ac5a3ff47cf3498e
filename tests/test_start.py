from django.test import Client


def test_live_answers():
    assert Client().get("/health/live").json() == {"status": "live"}


def test_me_names_workspace(api, workspace):
    answer = api.get("/api/v1/me")
    assert answer.status_code == 200, answer.content
    assert answer.json()["workspace"]["subdomain"] == "acme"
