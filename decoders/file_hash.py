"""The identity of a file's content, cheap enough for files of any size.

In: a path. Out: a hash of the size and of sampled blocks. Two paths to one file, or to two equal copies, have one
hash. It finds files that are the same, and files that were replaced; it is no proof against forgery.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from planner.errors import SetupError

BLOCK_BYTES = 64 * 1024
BLOCKS = 32
"""Sampled evenly, the first and the last block included. Files of up to BLOCKS blocks are hashed whole."""


def file_hash(path: str) -> str:
    """32 hexadecimal digits. Raises SetupError where the file can't be read."""
    digest = hashlib.blake2b(digest_size=16)
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, 2)
            digest.update(size.to_bytes(8, "little"))
            for offset in _offsets(size):
                file.seek(offset)
                digest.update(file.read(BLOCK_BYTES))
    except OSError as error:
        raise SetupError(
            f"the file can't be read: {error.strerror or error}",
            component="Media",
            file=path,
            suggestion="check the path and its permissions",
        ) from error
    return digest.hexdigest()


def _offsets(size: int) -> list[int]:
    if size <= BLOCKS * BLOCK_BYTES:
        return list(range(0, size, BLOCK_BYTES))
    last = size - BLOCK_BYTES
    return [last * index // (BLOCKS - 1) for index in range(BLOCKS)]
