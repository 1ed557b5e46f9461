"""What was drawn lately."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Drawn = TypeVar("Drawn")


class Kept(Generic[Drawn]):
    """Drawn things up to `limit`, each counted by its `size`; the longest unused goes first."""

    def __init__(self, limit: int, size: Callable[[Drawn], int]) -> None:
        self._limit = limit
        self._size = size
        self._items: OrderedDict[Hashable, Drawn] = OrderedDict()
        self.held = 0

    def get(self, key: Hashable) -> Drawn | None:
        item = self._items.get(key)
        if item is not None:
            self._items.move_to_end(key)
        return item

    def put(self, key: Hashable, item: Drawn) -> None:
        self._items[key] = item
        self.held += self._size(item)
        while self.held > self._limit and len(self._items) > 1:
            _, oldest = self._items.popitem(last=False)
            self.held -= self._size(oldest)
