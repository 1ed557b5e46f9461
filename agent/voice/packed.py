"""Read-only dictionaries in a few bytes a key: hibari's pronunciation tables take 100 MB as Python objects, 12 MB like this."""

import json
import struct
from array import array
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, TypeVar

V = TypeVar("V")
Parts = tuple[bytes, bytes, bytes, bytes]


class PackedDict(Generic[V]):
    """Looked up by binary search in sorted bytes; a value is decoded each time it is asked for."""

    PARTS: Final = ("keys", "values", "key_ends", "value_ends")

    def __init__(
        self, items: Mapping[str, V] | Parts, encode: Callable[[V], bytes], decode: Callable[[bytes], V]
    ) -> None:
        """`items` is a dictionary, or the `parts()` of one that was packed before."""
        self._decode = decode
        if isinstance(items, tuple):
            self._keys, self._values, key_ends, value_ends = items
            self._key_ends, self._value_ends = array("I", key_ends), array("I", value_ends)
            return
        ordered = sorted((key.encode(), encode(value)) for key, value in items.items())
        self._keys = b"".join(key for key, _ in ordered)
        self._values = b"".join(value for _, value in ordered)
        self._key_ends = _ends(len(key) for key, _ in ordered)
        self._value_ends = _ends(len(value) for _, value in ordered)

    def parts(self) -> Parts:
        """What the dictionary is made of, in the order of `PARTS`."""
        return self._keys, self._values, self._key_ends.tobytes(), self._value_ends.tobytes()

    def __len__(self) -> int:
        return len(self._key_ends) - 1

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._find(key) is not None

    def get(self, key: str, default: Any = None) -> V | Any:
        index = self._find(key)
        if index is None:
            return default
        return self._decode(self._values[self._value_ends[index] : self._value_ends[index + 1]])

    def _find(self, key: str) -> int | None:
        wanted = key.encode()
        low, high = 0, len(self)
        while low < high:
            middle = (low + high) // 2
            found = self._keys[self._key_ends[middle] : self._key_ends[middle + 1]]
            if found == wanted:
                return middle
            if found < wanted:
                low = middle + 1
            else:
                high = middle
        return None


def pronunciations(table: Mapping[str, Any] | Parts) -> PackedDict[Any]:
    """Word -> phonemes, or part of speech -> phonemes for words that need it."""
    return PackedDict(table, _encode_entry, _decode_entry)


def tag_weights(table: Mapping[str, Mapping[str, float]] | Parts, tags: list[str]) -> PackedDict[dict[str, float]]:
    """Feature -> weight of each tag."""
    numbers = {tag: number for number, tag in enumerate(tags)}
    pair = struct.Struct("<Hd")

    def encode(weights: Mapping[str, float]) -> bytes:
        return b"".join(pair.pack(numbers[tag], weight) for tag, weight in weights.items())

    def decode(packed: bytes) -> dict[str, float]:
        return {tags[number]: weight for number, weight in pair.iter_unpack(packed)}

    return PackedDict(table, encode, decode)  # type: ignore[arg-type]


def _encode_entry(entry: Any) -> bytes:
    return entry.encode() if isinstance(entry, str) else b"{" + json.dumps(entry).encode()


def _decode_entry(packed: bytes) -> Any:
    return json.loads(packed[1:]) if packed.startswith(b"{") else packed.decode()


def _ends(lengths: Any) -> "array[int]":
    ends = array("I", [0])
    for length in lengths:
        ends.append(ends[-1] + length)
    return ends
