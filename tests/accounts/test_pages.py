"""What all pages have: one switch of the theme, the mark."""

import pytest
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from inro.accounts.models import User


@pytest.fixture
def chief(db):
    client = Client()
    client.force_login(User.objects.create_superuser("root", password="x"))
    return client


@pytest.mark.parametrize(
    "name", ["index", "login", "password_change", "messaging_channel_changelist"]
)
def test_one_switch_of_the_theme_and_the_mark(chief, name):
    asking = Client() if name == "login" else chief
    page = asking.get(reverse(f"admin:{name}")).text
    assert page.count('<button class="theme-toggle"') == 1
    assert page.count('<link rel="icon" type="image/svg+xml" href="/static/inro/mark.svg">') == 1


def test_browsers_that_ask_by_habit_are_sent_to_the_mark(client):
    assert client.get("/favicon.ico")["Location"] == "/static/inro/mark.svg"
    assert finders.find("inro/mark.svg")
