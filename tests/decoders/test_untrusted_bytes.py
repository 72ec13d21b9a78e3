"""Our own readers of bytes, on bytes that nobody means: each answers or raises the error that it documents."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from reelmill.decoders.files.sample_entries import sample_entry
from reelmill.decoders.files.transport_stream import is_whole
from reelmill.decoders.stills.picture_file import PictureFile, sniffed_format
from reelmill.decoders.video.ffv1_checksums import slices_are_whole
from reelmill.decoders.video.h264_headers import HeaderError, parameter_sets, read_sequence, split_units, unit_types

PACKET = 188
SEQUENCE = bytes.fromhex("6764001eacd940a02ff9610000030001000003003c8f16 2d96".replace(" ", ""))
"""A sequence parameter set as x264 writes it."""
HEADS = (
    *(b"\x01\xda", b"\x01\xda\x00", b"\n\x05\x01\x08", b"\0\0\1\0\1", b"BM", b"RIFF", b"P6 1 1 #", b"P4 9", b"II*\0"),
    *(b"\0\0\0\x14ftypheic\0\0\0\0avif", b"\0\0\2\0\0\0\0\0\0\0\0\0\1\0\1\0\x20\x08"),
)


def mutated(data: bytes, seed: int) -> bytes:
    """Some bytes changed, and cut off somewhere."""
    generator = random.Random(seed)
    changed = bytearray(data)
    for _ in range(generator.randint(0, 6)):
        changed[generator.randrange(len(changed))] = generator.choice(
            (0, 1, 0x7F, 0x80, 0xFF, generator.randrange(256))
        )
    return bytes(changed[: generator.randint(0, len(changed))])


@pytest.mark.parametrize("data", [head[:size] for head in HEADS for size in range(len(head) + 1)])
def test_the_beginning_of_a_picture(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)
    found = sniffed_format(PictureFile(str(path)))
    assert found is None or found.isalnum()


def test_transport_packets_with_any_header(tmp_path: Path) -> None:
    """Also adaptation fields that are longer than their packet, or tell of more bytes than they have."""
    path = tmp_path / "film.ts"
    generator = random.Random(1)
    for _ in range(400):
        heads = [bytes((0x47, 0x41, 0, 0x30 | number, *generator.randbytes(8))) for number in range(8)]
        long = bytes((0x47, 0x01, 0, 0x31, generator.choice((181, 182, 183, 184, 255)), 0xFF))
        blocks = [*heads[:1], long, *heads[1:]]
        path.write_bytes(b"".join(head + bytes(generator.choices((0, 0xFF), k=PACKET - len(head))) for head in blocks))
        assert is_whole(str(path), 0) in (True, False)


def test_a_packet_whose_adaptation_field_is_too_long_is_damage(tmp_path: Path) -> None:
    def packet(number: int, field: bytes = b"", unit: bytes = b"") -> bytes:
        head = bytes((0x47, (0x40 if unit else 0) | 1, 0, (0x30 if field else 0x10) | number)) + field + unit
        return head + bytes(PACKET - len(head))

    start = b"\0\0\1\xe0\0\0"
    path = tmp_path / "film.ts"
    path.write_bytes(packet(0, b"\7\0" + b"\xff" * 6, start) + packet(5, b"", start) + packet(6) * 5)
    assert is_whole(str(path), 0), "filling shows that the unit before the leap is complete"
    path.write_bytes(
        packet(0, b"\7\0" + b"\xff" * 6, start) + packet(1, b"\xff\0") + packet(5, b"", start) + packet(6) * 5
    )
    assert not is_whole(str(path), 0)


@pytest.mark.parametrize(
    "read",
    [
        read_sequence,
        parameter_sets,
        lambda data: split_units(data, 4),
        lambda data: list(unit_types(memoryview(data), 2)),
        lambda data: slices_are_whole(memoryview(data)),
    ],
    ids=["sequence", "sets", "units", "types", "slices"],
)
def test_headers_and_slices_of_any_bytes(read: Callable[[bytes], object]) -> None:
    configuration = b"\1\x64\0\x1e\xff\xe1" + len(SEQUENCE).to_bytes(2, "big") + SEQUENCE + b"\1\0\4\x68\xeb\xe3\xcb"
    for seed in range(2000):
        for data in (SEQUENCE, configuration):
            try:
                read(mutated(data, seed))
            except HeaderError:
                continue


def test_a_sequence_header_of_a_megabyte_ends_at_the_limit_of_its_counts() -> None:
    # Main profile; id 0, 4 bits of frame numbers, order counts of kind 1, then 2^32 - 2 of them: a minute of reading.
    bits = "1" + "1" + "010" + "0" + "1" + "1" + "0" * 31 + "1" * 32
    head = int(bits.ljust(-(-len(bits) // 8) * 8, "1"), 2).to_bytes(-(-len(bits) // 8), "big")
    with pytest.raises(HeaderError, match="out of range"):
        read_sequence(b"\x67\x4d\0\x1e" + head + b"\xff" * 2**20)


def test_a_file_of_endless_small_boxes(tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(b"\0\0\0\x08free" * 200_000)
    assert sample_entry(str(path), 1) is None
