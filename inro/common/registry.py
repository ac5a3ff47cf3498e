"""A named set of things that is filled once and looked up by key."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Items by key, in the order they were added; refuses a key twice.

    A lower storey publishes an empty registry, an upper one fills it in `AppConfig.ready()`;
    channel, trigger and action types come as one explicit list.
    """

    def __init__(self, name: str, key: Callable[[T], str], items: Iterable[T] = ()) -> None:
        self.name = name
        self._key = key
        self._items: dict[str, T] = {}
        for item in items:
            self.add(item)

    def add(self, item: T) -> T:
        key = self._key(item)
        if key in self._items:
            raise ValueError(f"{self.name} already has {key!r}.")
        self._items[key] = item
        return item

    def __getitem__(self, key: str) -> T:
        try:
            return self._items[key]
        except KeyError:
            raise KeyError(f"{self.name} has no {key!r}.") from None

    def get(self, key: str) -> T | None:
        return self._items.get(key)

    def keys(self) -> list[str]:
        return list(self._items)

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __len__(self) -> int:
        return len(self._items)
