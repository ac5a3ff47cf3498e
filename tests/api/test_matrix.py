"""Every route and every tool, asked by everybody who may not."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admindocs.views import simplify_regex
from django.db import connection
from django.test import Client
from django.test.client import BOUNDARY, MULTIPART_CONTENT, encode_multipart
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone
from rest_framework.test import APIClient

from inro.accounts.models import ABILITIES, ApiToken, Workspace
from inro.mcp.tools import TOOLS
from tests.api.matrix import PUBLIC, ROUTES, TOOL_CALLS, Names, Route
from tests.conftest import client_of

API = "/api/v1"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MISSING = 999_999_999

each_route = pytest.mark.parametrize("name", ROUTES)
each_route_of_a_row = pytest.mark.parametrize("name", [n for n in ROUTES if ROUTES[n].of])
each_route_that_reads = pytest.mark.parametrize("name", [n for n in ROUTES if n[:4] == "GET "])
each_tool = pytest.mark.parametrize("name", TOOL_CALLS)
each_tool_of_a_row = pytest.mark.parametrize("name", [n for n in TOOL_CALLS if TOOL_CALLS[n].of])


def mounted(patterns: Any, root: str = "") -> Iterator[tuple[str, URLPattern]]:
    for each in patterns:
        address = root + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from mounted(each.url_patterns, address)
        else:
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", simplify_regex(address)), each


def methods_of(pattern: URLPattern) -> list[str]:
    view: Any = pattern.callback
    served = getattr(view, "actions", None) or dir(view.cls)
    return [method for method in METHODS if method.lower() in served]


@cache
def statements() -> dict[str, str]:
    """One that reads each table: the ORM would take ten times as long to write them."""
    quoted, found = connection.ops.quote_name, {}
    for model in apps.get_models():
        fields = [str(each.column) for each in model._meta.concrete_fields]
        columns = ", ".join(quoted(each) for each in fields if each != "last_used_at")
        table = quoted(model._meta.db_table)
        found[model._meta.label] = f"SELECT {columns} FROM {table} ORDER BY {quoted(fields[0])}"
    return found


def everything() -> dict[str, list[Any]]:
    """Every row of every table; only when a token was last used may change."""
    found = {}
    with connection.cursor() as cursor:
        for label, statement in statements().items():
            cursor.execute(statement)
            found[label] = cursor.fetchall()
    return found


def bearer(plain: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {plain}")
    return client


def ended(workspace: Workspace) -> dict[str, str]:
    """Tokens that were good once, or never."""
    now = timezone.now()
    _, expired = ApiToken.issue(workspace, expires_at=now - timedelta(seconds=1))
    token, revoked = ApiToken.issue(workspace)
    ApiToken.objects.filter(pk=token.pk).update(revoked_at=now)
    _, regenerated = ApiToken.issue(workspace)
    last = ApiToken.objects.latest("pk")
    last.renew()
    last.save()
    return {
        "wrong": "apitk_wrong",
        "expired": expired,
        "revoked": revoked,
        "regenerated": regenerated,
    }


def all_but(ability: str) -> list[str]:
    return [each for each in ABILITIES if each != ability]


def told(answer: Any) -> tuple[int, str]:
    return answer.status_code, error_of(answer)["code"]


def error_of(answer: Any) -> dict[str, str]:
    """Code and message; a dialect that shows no codes tells them by status and words."""
    content = answer.json()
    if isinstance(content["error"], dict):
        return dict(content["error"])
    assert content.keys() == {"status", "error", "message"}
    assert (content["status"], content["error"]) == (answer.status_code, answer.reason_phrase)
    forbidden = "missing_ability" if "ability" in content["message"] else "plan_required"
    codes = {401: "authentication_failed", 404: "not_found", 405: "method_not_allowed"}
    code = codes.get(answer.status_code, forbidden)
    return {"code": code, "message": content["message"]}


class Asking:
    """One route of the table, ready to be asked with any row named."""

    def __init__(self, name: str, route: Route, workspace: Workspace) -> None:
        self.method, _, self.path = name.partition(" ")
        self.route = route
        self.names: Names = route.of(workspace) if route.of else {}
        self.body = route.body(workspace) if callable(route.body) else route.body

    def address(self, names: Names | None = None) -> str:
        return f"{API}{self.path}{self.route.query}".format(**(names or self.names))

    def __call__(
        self,
        client: APIClient,
        method: str = "",
        names: Names | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        address = self.address(names)
        form = isinstance(self.body, dict) and "file" in self.body
        if form:
            self.body["file"].seek(0)
        raw: Any = encode_multipart(BOUNDARY, self.body) if form else json.dumps(self.body)
        kind = MULTIPART_CONTENT if form else "application/json"
        content = raw if self.body is not None else ""
        return client.generic(method or self.method, address, content, kind, headers=headers)


class TestTable:
    def test_every_route_has_its_line_and_every_line_its_route(self):
        found = {
            f"{method} {address.removeprefix(API)}"
            for address, pattern in mounted(get_resolver().url_patterns)
            if address.startswith(f"{API}/")
            for method in methods_of(pattern)
        }
        assert sorted(ROUTES) == sorted(found)

    def test_every_tool_has_its_line_and_every_line_its_tool(self):
        assert sorted(TOOL_CALLS) == sorted(TOOLS.keys())

    def test_every_other_address_has_its_line(self):
        inside = ("/admin/", f"{API}/")
        found = [
            address
            for address, _ in mounted(get_resolver().url_patterns)
            if not address.startswith(inside)
        ]
        assert sorted(PUBLIC) == sorted(found)

    def test_abilities_are_those_there_are(self):
        named = {each.ability for each in ROUTES.values()}
        named |= {each.ability for each in TOOL_CALLS.values()}
        assert named - {None} <= set(ABILITIES)

    def test_a_tool_needs_what_its_operation_needs(self):
        for tool in TOOLS:
            route = ROUTES[f"{tool.method} /{tool.path.replace('{id}', '{pk}')}"]
            assert TOOL_CALLS[tool.name].ability == route.ability, tool.name


class TestRoutes:
    @each_route
    @pytest.mark.once
    def test_who_may_not_is_refused_and_nothing_happens(self, name, workspace):
        route = ROUTES[name]
        ask = Asking(name, route, workspace)
        bad = {"nobody": APIClient(), **{why: bearer(one) for why, one in ended(workspace).items()}}
        before = everything()
        for why, client in bad.items():
            answer = ask(client)
            assert told(answer) == (401, "authentication_failed"), why
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert everything() == before, why
        if route.ability:
            limited = client_of(workspace, all_but(route.ability))
            before = everything()
            answer = ask(limited)
            assert told(answer) == (403, "missing_ability")
            assert error_of(answer)["message"].endswith(f": {route.ability}")
            assert everything() == before
        full = client_of(workspace)
        Workspace.objects.filter(pk=workspace.pk).update(plan="free")
        before = everything()
        assert told(ask(full)) == (403, "plan_required")
        assert everything() == before

    @each_route
    def test_who_may_is_served(self, name, workspace):
        """With that one ability alone; so the refusals above are refusals of nothing else."""
        route = ROUTES[name]
        ask = Asking(name, route, workspace)
        answer = ask(client_of(workspace, [route.ability or "media.read"]))
        assert 200 <= answer.status_code < 300, answer.content

    @each_route_of_a_row
    def test_rows_of_others_are_missing(self, name, workspace, stranger):
        route = ROUTES[name]
        ask = Asking(name, route, workspace)
        theirs = client_of(stranger)
        before = everything()
        foreign = ask(theirs)
        missing = ask(theirs, names=dict.fromkeys(ask.names, MISSING))
        assert told(foreign) == (404, "not_found")
        assert (foreign.status_code, foreign.content) == (missing.status_code, missing.content)
        assert foreign.headers.keys() == missing.headers.keys()
        assert everything() == before

    @each_route_that_reads
    @pytest.mark.once
    def test_head_is_let_in_as_get(self, name, workspace):
        route = ROUTES[name]
        ask = Asking(name, route, workspace)
        assert ask(APIClient(), "HEAD").status_code == 401
        if route.ability:
            limited = client_of(workspace, all_but(route.ability))
            assert ask(limited, "HEAD").status_code == 403
        answer = ask(client_of(workspace), "HEAD")
        assert (answer.status_code, answer.content) == (200, b"")


@pytest.mark.parametrize("path", sorted({name.partition(" ")[2] for name in ROUTES}))
@pytest.mark.once
def test_other_methods_are_named_and_do_nothing(path, workspace):
    served = {
        name.partition(" ")[0]: route
        for name, route in ROUTES.items()
        if name.partition(" ")[2] == path
    }
    method, route = next(iter(served.items()))
    ask = Asking(f"{method} {path}", route, workspace)
    client = client_of(workspace)
    before = everything()
    for other in {*METHODS, "OPTIONS", "TRACE"} - served.keys():
        answer = ask(client, other)
        assert told(answer) == (405, "method_not_allowed"), other
        assert served.keys() <= set(answer.headers["Allow"].split(", "))
        assert everything() == before
        assert ask(APIClient(), other).status_code == 401, other


class TestTools:
    def message(self, name: str, arguments: Any) -> Any:
        params = {"name": name, "arguments": arguments}
        return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}

    def arguments(self, name: str, workspace: Workspace) -> Any:
        call = TOOL_CALLS[name]
        given = call.arguments(workspace) if callable(call.arguments) else call.arguments
        row = call.of(workspace) if call.of else {}
        return {**{"id" if each == "pk" else each: pk for each, pk in row.items()}, **given}

    def ask(self, client: Any, name: str, arguments: Any) -> Any:
        answer = client.post("/mcp", self.message(name, arguments))
        assert answer.status_code == 200, answer.content
        return answer.json()["result"]

    @each_tool
    @pytest.mark.once
    def test_who_may_not_is_refused_and_nothing_happens(self, name, workspace):
        call, arguments = TOOL_CALLS[name], self.arguments(name, workspace)
        bad = {"nobody": APIClient(), **{why: bearer(one) for why, one in ended(workspace).items()}}
        before = everything()
        for why, client in bad.items():
            answer = client.post("/mcp", self.message(name, arguments))
            assert told(answer) == (401, "authentication_failed"), why
            assert everything() == before, why
        if call.ability:
            limited = client_of(workspace, all_but(call.ability))
            before = everything()
            result = self.ask(limited, name, arguments)
            assert result["isError"] is True
            assert result["structuredContent"]["error"] == {
                "code": "missing_ability",
                "message": f"Token does not have the required ability: {call.ability}",
            }
            assert everything() == before
        full = client_of(workspace)
        Workspace.objects.filter(pk=workspace.pk).update(plan="free")
        before = everything()
        answer = full.post("/mcp", self.message(name, arguments))
        assert told(answer) == (403, "plan_required")
        assert everything() == before

    @each_tool
    def test_who_may_is_served(self, name, workspace):
        client = client_of(workspace, [TOOL_CALLS[name].ability or "media.read"])
        result = self.ask(client, name, self.arguments(name, workspace))
        assert result["isError"] is False, result

    @each_tool_of_a_row
    def test_rows_of_others_are_missing(self, name, workspace, stranger):
        arguments = self.arguments(name, workspace)
        # `get_contact` names its row in its query.
        named = TOOLS[name].path_names or ["id"]
        theirs = client_of(stranger)
        before = everything()
        foreign = self.ask(theirs, name, arguments)
        assert foreign == self.ask(theirs, name, arguments | dict.fromkeys(named, MISSING))
        assert foreign["isError"] is True
        assert foreign["structuredContent"]["error"]["code"] == "not_found"
        assert everything() == before


@pytest.mark.parametrize("address", PUBLIC)
def test_what_anybody_gets(address, db):
    uuid = "0c5b8d9e-5b0c-4b55-9a5e-6f6a3a1f0e11"
    path = address.format(secret="x", signed="1:x", name="a.jpg", kind="instagram", uuid=uuid)
    before = everything()
    found = Client().get(path).status_code, Client().post(path).status_code
    assert found == PUBLIC[address]
    assert everything() == before


@pytest.mark.once
def test_every_page_of_the_admin_wants_a_login(db):
    pages = list(mounted(admin.site.urls[0], "/admin/"))
    assert len(pages) > 50
    before = everything()
    for address, _ in pages:
        path = re.sub(r"{\w+}", "1", address)
        if path in ("/admin/login/", "/admin/logout/"):
            continue
        for answer in (Client().get(path), Client().post(path)):
            assert answer.status_code == 302, path
            assert answer.headers["Location"].startswith("/admin/login/"), path
    assert everything() == before
