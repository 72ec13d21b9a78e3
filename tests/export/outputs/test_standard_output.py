"""Films written to standard output: what a pipe's other end reads, and what happens when it does not."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from reelmill.export.films.film_targets import open_target
from reelmill.export.outputs.standard_output import StandardOutput
from reelmill.planner.errors import RenderError, SetupError
from tests.support.films import probe
from tests.support.mp4_boxes import boxes
from tests.support.written_films import RATE, Click, settings, write

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")

PIPED = """
import hashlib, sys
from reelmill.export.films.film_targets import open_target
from tests.support.written_films import Click, settings, write
chosen = settings("-", named=sys.argv[1], fragmented=sys.argv[2] == "True")
with open_target("-", chosen, force=False) as target:
    write(target.destination, chosen, sound=Click())
    target.commit()
    print(target.written().byte_count, target.written().sha256, file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("container", "fragmented", "name", "codecs"),
    [
        ("mkv", False, "matroska,webm", ("h264", "opus")),
        ("webm", False, "matroska,webm", ("vp9", "opus")),
        ("ts", False, "mpegts", ("h264", "aac")),
        ("mp4", True, "mov,mp4,m4a,3gp,3g2,mj2", ("h264", "aac")),
        ("ogg", False, "ogg", ("opus",)),
    ],
)
def test_what_comes_out_of_a_pipe(
    tmp_path: Path, container: str, fragmented: bool, name: str, codecs: tuple[str, ...]
) -> None:
    command = [sys.executable, "-c", PIPED, container, str(fragmented)]
    digests = set()
    for _ in range(2):
        done = subprocess.run(command, capture_output=True, check=True)
        byte_count, digest = done.stderr.decode().split()
        assert int(byte_count) == len(done.stdout)
        digests.add(digest)
    assert len(digests) == 1
    path = tmp_path / "out"
    path.write_bytes(done.stdout)
    assert subprocess.run(["sha256sum", path], capture_output=True, text=True).stdout.split()[0] == digest
    told = probe(path, "-count_frames")
    assert told["format"]["format_name"] == name
    assert tuple(stream["codec_name"] for stream in told["streams"]) == codecs
    if "h264" in codecs or "vp9" in codecs:
        assert told["streams"][0]["nb_read_frames"] == "30"
    if fragmented:
        assert boxes(done.stdout)[:4] == ["ftyp", "moov", "moof", "mdat"]


def test_a_reader_plays_while_it_is_written() -> None:
    """ffmpeg decodes from the pipe itself; nothing goes back to the beginning."""
    writer = subprocess.Popen([sys.executable, "-c", PIPED, "mkv", "False"], stdout=subprocess.PIPE)
    command = ["ffmpeg", "-v", "error", "-i", "-", "-map", "0:v", "-f", "framecrc", "-"]
    read = subprocess.run(command, stdin=writer.stdout, capture_output=True, text=True, check=True)
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.wait() == 0
    assert read.stderr == ""
    assert len([line for line in read.stdout.splitlines() if not line.startswith("#")]) == 30


def test_a_reader_that_goes_away_is_an_error() -> None:
    reading, writing = os.pipe()
    target = StandardOutput(writing)
    os.close(reading)
    with pytest.raises(RenderError, match="what reads the standard output has ended") as failed:
        write(target, settings("-", sound=False), 30)
    assert failed.value.exit_code == 1
    assert failed.value.component == "Output"
    os.close(writing)


def test_a_reader_that_stalls_does_not_hold_up_the_end() -> None:
    """More than a pipe holds, and nobody reads: the writing thread waits, and is let go."""
    reading, writing = os.pipe()
    target = StandardOutput(writing)
    failed: list[RenderError] = []

    def fill() -> None:
        try:
            write(target, settings("-", named="mkv", audio={"codec": "pcm"}), 300, Click(sample_count=10 * RATE))
        except RenderError as error:
            failed.append(error)

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join(1)
    assert thread.is_alive()
    target.cancel()
    thread.join(10)
    assert not thread.is_alive()
    assert "not written to its end" in failed[0].message
    os.close(writing)
    os.close(reading)


def test_a_slow_reader_gets_everything() -> None:
    reading, writing = os.pipe()
    target = StandardOutput(writing)
    data = bytes(range(256)) * 2000
    found: list[bytes] = []

    def read() -> None:
        while block := os.read(reading, 10_000):
            found.append(block)

    thread = threading.Thread(target=read)
    thread.start()
    assert target.write(data) == len(data)
    os.close(writing)
    thread.join()
    os.close(reading)
    assert b"".join(found) == data
    assert target.written().byte_count == len(data)


def test_a_terminal_is_refused() -> None:
    try:
        controlling, terminal = pty.openpty()
    except OSError:
        pytest.skip("no pseudo-terminals here")
    try:
        with pytest.raises(SetupError, match="is a terminal") as refused:
            StandardOutput(terminal)
        assert "pipe it on" in (refused.value.suggestion or "")
    finally:
        os.close(controlling)
        os.close(terminal)


def test_redirected_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.ts"
    with path.open("wb") as file:
        subprocess.run([sys.executable, "-c", PIPED, "ts", "False"], stdout=file, stderr=subprocess.DEVNULL, check=True)
    assert probe(path, "-count_frames")["streams"][0]["nb_read_frames"] == "30"


def test_a_closed_standard_output_is_refused() -> None:
    command = f'exec >&-; exec "{sys.executable}" -c "$0" mkv False'
    done = subprocess.run(["bash", "-c", command, PIPED], capture_output=True, text=True)
    assert "there is no standard output" in done.stderr


def test_the_dash_is_standard_output(tmp_path: Path) -> None:
    with open_target(str(tmp_path / "-"), settings("-"), force=False) as target:
        assert isinstance(target.destination, Path)
