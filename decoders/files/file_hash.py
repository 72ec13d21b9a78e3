"""The identity of a file's content, cheap enough for files of any size.

In: a path. Out: a hash of the size and of sampled blocks. Two paths to one file, or to two equal copies, have one
hash. That different files never have one, as far as a project's media go, `told_apart` makes sure of.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from reelmill.planner.errors import SetupError
from reelmill.planner.media import MediaFacts
from reelmill.planner.process.regular_files import open_for_reading

BLOCK_BYTES = 64 * 1024
BLOCKS = 32
"""Sampled evenly, the first and the last block included. Files of up to BLOCKS blocks are hashed whole."""


def file_hash(path: str) -> str:
    """32 hexadecimal digits. Raises SetupError where the file can't be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with open_for_reading(path) as file:
            size = file.seek(0, 2)
            digest.update(size.to_bytes(8, "little"))
            for offset in _offsets(size):
                file.seek(offset)
                digest.update(file.read(BLOCK_BYTES))
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def told_apart(facts: Mapping[str, MediaFacts]) -> dict[str, MediaFacts]:
    """The facts of a project's media, in which one hash means one content.

    Where paths to different files share a sampled hash, the files are read in full: equal copies share a hash again,
    files that differ between the sampled blocks do not. Sequences under several patterns count as different.
    Raises SetupError where a file can't be read.
    """
    paths: dict[str, set[str]] = {}
    for each in facts.values():
        paths.setdefault(each.file_hash, set()).add(os.path.realpath(each.path))
    known: dict[str, str] = {}
    apart = {}
    for name, each in facts.items():
        if len(paths[each.file_hash]) > 1:
            path = os.path.realpath(each.path)
            if path not in known:
                known[path] = _whole_hash(path, each.file_hash)
            apart[name] = replace(each, file_hash=known[path])
        else:
            apart[name] = each
    return apart


def _whole_hash(path: str, sampled: str) -> str:
    if not Path(path).is_file():
        return hashlib.blake2b(f"{sampled} {path}".encode(errors="surrogateescape"), digest_size=16).hexdigest()
    try:
        with open_for_reading(path) as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> SetupError:
    return SetupError(
        f"the file can't be read: {error.strerror or error}",
        component="Media",
        file=path,
        suggestion="check the path and its permissions",
    )


def _offsets(size: int) -> list[int]:
    if size <= BLOCKS * BLOCK_BYTES:
        return list(range(0, size, BLOCK_BYTES))
    last = size - BLOCK_BYTES
    return [last * index // (BLOCKS - 1) for index in range(BLOCKS)]
