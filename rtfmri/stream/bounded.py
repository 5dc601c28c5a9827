"""What is remembered of peers, and never of more than so many: their names are theirs to invent."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class BoundedTable(Generic[_Key, _Value]):
    """The last ``size`` keys that were put, one writer and any readers in other threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._table: dict[_Key, _Value] = {}
        self._lock = threading.Lock()

    def put(self, key: _Key, value: _Value) -> None:
        with self._lock:
            self._table.pop(key, None)
            self._table[key] = value
            if len(self._table) > self._size:
                del self._table[next(iter(self._table))]

    def get(self, key: _Key) -> _Value | None:
        with self._lock:
            return self._table.get(key)

    def copy(self) -> dict[_Key, _Value]:
        with self._lock:
            return dict(self._table)
