"""A task that takes all the work there is, is not sent again while one is on its way."""

from typing import Any

import pytest
from celery import shared_task

from inro.common import waking
from inro.common.waking import TakingAll, arrived, wake


@shared_task(name="tests.take_all", base=TakingAll)
def take_all(pk: int) -> None:
    """Stands for one."""


@shared_task(name="tests.take_one")
def take_one(pk: int) -> None:
    """Stands for one that does not."""


class Shared(dict[str, int]):
    """As much of Redis as is asked of it."""

    def set(self, key: str, value: int, *, nx: bool, ex: int) -> bool | None:
        assert nx
        assert 0 < ex < 10
        return None if key in self else not self.update({key: value})

    def delete(self, key: str) -> None:
        self.pop(key, None)


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> Shared:
    shared = Shared()
    monkeypatch.setattr(waking, "_redis", lambda url: shared)
    return shared


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch, settings: Any, shared: Shared) -> list[int]:
    """What reached the queue."""
    settings.SHARED_CACHE = True
    monkeypatch.setattr(waking, "_failed_at", float("-inf"))
    found: list[int] = []
    for task in (take_all, take_one):
        monkeypatch.setattr(task, "apply_async", lambda args, **options: found.append(args[0]))
    return found


@pytest.mark.django_db(transaction=True)
class TestOnce:
    def test_one_is_enough_until_it_begins(self, sent: list[int]) -> None:
        wake(take_all, 1)
        wake(take_all, 2)
        assert sent == [1]
        arrived(take_all)
        wake(take_all, 3)
        assert sent == [1, 3]

    def test_others_are_sent_each(self, sent: list[int]) -> None:
        wake(take_one, 1)
        wake(take_one, 2)
        assert sent == [1, 2]

    def test_without_a_shared_cache_each_is_sent(self, sent: list[int], settings: Any) -> None:
        settings.SHARED_CACHE = False
        wake(take_all, 1)
        wake(take_all, 2)
        assert sent == [1, 2]

    def test_one_that_got_lost_is_followed_by_another(
        self, sent: list[int], shared: Shared
    ) -> None:
        wake(take_all, 1)
        shared.clear()  # as when its time has run out
        wake(take_all, 2)
        assert sent == [1, 2]

    def test_a_cache_that_is_away_holds_up_nobody(
        self, sent: list[int], shared: Shared, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(*args: Any, **kwargs: Any) -> None:
            raise ConnectionError

        monkeypatch.setattr(shared, "set", away)
        monkeypatch.setattr(shared, "delete", away)
        wake(take_all, 1)
        arrived(take_all)
        wake(take_all, 2)
        assert sent == [1, 2]
