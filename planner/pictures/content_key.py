"""A name for all that decides the pixels of a frame, the same in every process and on every machine.

In: the plan of a picture, the identity of the files that it shows. Out: a digest. Plans that are equal have equal keys;
paths, ids of clips and names of media do not count, the content of the files does. Passive; one thread.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from fractions import Fraction

from reelmill.planner.content import holds_paths
from reelmill.planner.frame_plan import CompositionPlan
from reelmill.planner.source_frames import FrameRequest

KEY_BYTES = 16


class ContentKeys:
    """Makes the keys of one project."""

    def __init__(self, media: Mapping[str, str], files: Mapping[str, str], salt: str) -> None:
        """`media`: what decides the frames of each entry but its pts, by name: content and settings. `files`:
        the content of each other file that drawings need, by path. `salt`: whatever else decides pixels, such as
        versions."""
        self._media, self._files, self._salt = media, files, salt
        self._known: dict[int, tuple[CompositionPlan, bytes]] = {}
        """Of the frame at hand: a composition may be reached by very many paths."""

    def key(self, picture: CompositionPlan) -> str:
        """32 hexadecimal digits."""
        self._known.clear()
        digest = hashlib.blake2b(self._salt.encode(), digest_size=KEY_BYTES)
        digest.update(self._composition(picture))
        return digest.hexdigest()

    def _composition(self, picture: CompositionPlan) -> bytes:
        known = self._known.get(id(picture))
        if known is None:
            digest = hashlib.blake2b(self._fields(picture), digest_size=KEY_BYTES)
            # The plan is kept, too, so that its id stays its own.
            known = self._known[id(picture)] = (picture, digest.digest())
        return known[1]

    def _fields(self, value: object) -> bytes:
        """Name and counted fields of a dataclass."""
        assert is_dataclass(value)
        parts = [type(value).__name__.encode()]
        for each in fields(value):
            if each.compare:
                content = getattr(value, each.name)
                if isinstance(value, FrameRequest) and each.name in ("media", "file_hash"):
                    content = self._media[value.media]
                elif holds_paths(each):
                    paths = (content,) if isinstance(content, str) else content
                    content = tuple(self._files[path] for path in paths)
                parts += [each.name.encode(), self._bytes(content)]
        return _joined(parts)

    def _bytes(self, value: object) -> bytes:
        match value:
            case CompositionPlan():
                return self._composition(value)
            case tuple():
                return b"(" + _joined([self._bytes(item) for item in value])
            case float():
                return b"f" + value.hex().encode()
            case None | bool() | int() | str() | Fraction():
                return f"{type(value).__name__} {value}".encode("utf-8", "surrogatepass")
        return b"d" + self._fields(value)


def _joined(parts: list[bytes]) -> bytes:
    """Unambiguous: the length stands before each part."""
    return b"".join(len(part).to_bytes(8, "little") + part for part in parts)
