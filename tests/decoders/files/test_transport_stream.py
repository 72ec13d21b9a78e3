"""Transport streams that were joined end to end, and those of which packets are missing."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelmill.decoders.files.container import open_container
from reelmill.decoders.files.packet_table import packets
from reelmill.decoders.files.transport_stream import is_whole
from reelmill.decoders.probe import probe
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, ffmpeg, make_clip

SIZE = 188
VIDEO = 0x100
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0", "-g", "10")


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_clip(tmp_path_factory, ClipRecipe("film.ts", X264, Fraction(25), 40, ("-c:a", "aac")))


def corrupt(path: Path) -> int:
    with open_container(str(path)) as container:
        return sum(packet.is_corrupt for packet in packets(container))


def test_joined_segments_are_whole(tmp_path: Path, film: Path) -> None:
    segments = ("-f", "segment", "-segment_format", "mpegts", "-segment_time", "0.4")
    ffmpeg("-i", film, "-map", "0", "-c", "copy", *segments, tmp_path / "%d.ts")
    parts = [tmp_path / f"{n}.ts" for n in range(4)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(part.read_bytes() for part in parts))
    with av.open(str(joined)) as container:
        assert sum(packet.is_corrupt for packet in container.demux()) == 3, "libav does not know better"
    assert corrupt(joined) == 0
    facts = probe(Media("m", str(joined)))
    assert facts.video is not None
    assert facts.video.table is not None
    assert len(facts.video.table.pts) == 40


def test_a_unit_that_just_fits_its_packets_is_whole(tmp_path: Path) -> None:
    one = b"".join([packet(0), packet(VIDEO, 0, b"\0\0\1\xe0\0\0"), packet(VIDEO, 1)])
    path = tmp_path / "joined.ts"
    path.write_bytes(one * 2 + packet(0) * 5)
    assert is_whole(str(path), SIZE)
    path.write_bytes(one + packet(VIDEO, 0, b"\0\0\1\xe0\0\0") + packet(0) * 5)
    assert not is_whole(str(path), SIZE), "nothing begins anew: the end of the unit may be missing"


@pytest.mark.parametrize("count", [1, 5])
def test_where_packets_are_missing_units_are_not_whole(tmp_path: Path, count: int) -> None:
    data = ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=160x120:d=0.6", "-f", "lavfi", "-i", "sine=d=0.6:r=48000",
        "-vf", "noise=alls=40", *X264, "-c:a", "aac", "-f", "mpegts", "-",
    )  # fmt: skip
    blocks = [data[at : at + SIZE] for at in range(0, len(data), SIZE)]
    path = tmp_path / "holes.ts"
    damaged = 0
    for first in range(10, len(blocks) - count, 23):
        missing = [block for block in blocks[first : first + count] if pid(block) == VIDEO]
        after = next((block for block in blocks[first + count :] if pid(block) == VIDEO), None)
        if not missing or after is None or (starts(missing[0]) and starts(after)):
            continue  # whole frames are missing, or none
        path.write_bytes(b"".join(blocks[:first] + blocks[first + count :]))
        with av.open(str(path)) as container:
            told = any(packet.is_corrupt for packet in container.demux())
        damaged += told
        assert bool(corrupt(path)) == told
    assert damaged > 3


def packet(pid: int, number: int = 0, unit: bytes = b"") -> bytes:
    """A packet of a stream without filling; one with the head of a unit starts it."""
    head = bytes([0x47, (0x40 if unit or pid == 0 else 0) | pid >> 8, pid & 0xFF, 0x10 | number])
    return head + unit + bytes(SIZE - len(head) - len(unit))


def pid(block: bytes) -> int:
    return (block[1] & 0x1F) << 8 | block[2]


def starts(block: bytes) -> bool:
    return bool(block[1] & 0x40)
