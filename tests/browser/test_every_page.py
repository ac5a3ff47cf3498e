"""Each page of the admin, wide and narrow: it opens, it fits, everything on it has a name."""

import pytest
from django.contrib import admin
from django.http import HttpRequest

from inro.accounts.models import User
from tests.admin.test_scoping import address
from tests.browser.watching import NARROW, WIDE, faults_of

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label)


@pytest.fixture
def chief(db):
    return User.objects.create_superuser("root")


@pytest.mark.parametrize("width", [NARROW, WIDE])
def test_every_page(browsing, chief, house, width):
    page = browsing(chief, width)
    asked = HttpRequest()
    asked.user = chief
    found = {}
    for model in REGISTERED:
        pages = [address(model, "changelist")]
        if admin.site._registry[model].has_add_permission(asked):
            pages.append(address(model, "add"))
        row = model._default_manager.first()
        if row is not None:
            pages.append(address(model, "change", row.pk))
        for each in pages:
            page.goto(each)
            found[each] = faults_of(page)
    for each in ("/admin/", "/admin/password_change/"):
        page.goto(each)
        found[each] = faults_of(page)
    assert {each: faults for each, faults in found.items() if faults} == {}
    assert len(found) > 2 * len(REGISTERED)
