"""Every container with every codec that it takes: written, and read back with ffmpeg's programs."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.export.films.containers import CONTAINERS
from tests.support.films import probe, read_planes, read_sound
from tests.support.mp4_boxes import boxes
from tests.support.written_films import HEIGHT, RATE, WIDTH, Click, settings, write

FILES = [container for container in CONTAINERS.values() if not container.segmented]
ALL = [(container.suffix, codec) for container in FILES for codec in container.video]
LOSSY_SOUND = ("aac", "opus", "mp3")
PADDED = [(".mkv", "aac"), (".mkv", "mp3"), (".ts", "aac"), (".ts", "mp3")]
"""Sound whose encoder's padding is heard: a transport stream can't tell it, and readers as old as FFmpeg 5.1 take it
for sound in Matroska (docs/reference/output.md)."""


@pytest.mark.parametrize(("suffix", "codec"), ALL)
def test_every_video_codec_in_every_container(tmp_path: Path, suffix: str, codec: str) -> None:
    path = tmp_path / f"out{suffix}"
    chosen = settings(path.name, video={"codec": codec})
    write(path, chosen, sound=Click())
    told = probe(path, "-count_frames", "-show_programs")
    video, audio = told["streams"]
    assert (video["codec_name"], video["width"], video["height"]) == (codec, WIDTH, HEIGHT)
    assert video["nb_read_frames"] == "30"
    assert video["avg_frame_rate"] == "30000/1001"
    assert chosen.video is not None
    assert video["pix_fmt"] == chosen.video.pix_fmt.name
    rgb = chosen.video.pix_fmt.model == "rgb"
    assert (video["color_space"], video["color_primaries"]) == ("gbr" if rgb else "bt709", "bt709")
    assert video["color_transfer"] == ("iec61966-2-1" if rgb else "bt709")
    assert video.get("color_range", "tv") == "tv"
    # No packet of a transport stream has a time before 0, so pictures that wait for later ones begin after it.
    start = 2 * 1001 / 30000 if suffix == ".ts" else 0
    assert float(video["start_time"]) == pytest.approx(start, abs=2e-5)
    assert -0.03 < float(audio["start_time"]) - start <= 0
    assert float(told["format"]["duration"]) == pytest.approx(1.001, abs=0.03)
    tags = told["programs"][0]["tags"] if suffix == ".ts" else told["format"]["tags"]
    assert {key.lower(): value for key, value in tags.items()}[
        "service_name" if suffix == ".ts" else "title"
    ] == "A film"


@pytest.mark.parametrize(("suffix", "codec"), ALL)
def test_the_same_bytes_each_time(tmp_path: Path, suffix: str, codec: str) -> None:
    digests = set()
    for run in range(2):
        path = tmp_path / f"{run}{suffix}"
        write(path, settings(path.name, video={"codec": codec}), sound=Click())
        digests.add(hashlib.sha256(path.read_bytes()).hexdigest())
    assert len(digests) == 1


DIGESTS = """
import hashlib, sys
from pathlib import Path
from tests.export.films.test_containers import ALL
from tests.support.written_films import Click, settings, write
for suffix, codec in dict((c, (s, c)) for s, c in ALL if s != ".ts").values():
    path = Path(sys.argv[1]) / f"{sys.argv[2]}{codec}{suffix}"
    write(path, settings(path.name, size=(480, 272), video={"codec": codec}), frames=10, sound=Click())
    print(codec, hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_the_same_bytes_in_another_process(tmp_path: Path) -> None:
    """At once, so that they disturb each other; large enough for the encoders to use all their threads."""
    runs = [
        subprocess.Popen([sys.executable, "-c", DIGESTS, str(tmp_path), str(run)], stdout=subprocess.PIPE)
        for run in range(2)
    ]
    said = [run.communicate()[0] for run in runs]
    assert [run.returncode for run in runs] == [0, 0]
    assert len(said[0].splitlines()) == len({codec for _, codec in ALL})
    assert said[0] == said[1]


USED_MEMORY = """
import hashlib, sys
from pathlib import Path
import numpy as np
from tests.support.written_films import busy_picture, settings, write
random = np.random.default_rng(int(sys.argv[1]))
sizes = [*random.choice([100, 5_000, 30_000, 90_000, 120_000], 4000), 2**20, 2**22, 2**24, 2**25]
held = [np.full(size, random.integers(256), np.uint8) for size in sizes]
random.shuffle(held)
del held[200:]
for width in (480, 512, 640):
    path = Path(sys.argv[2]) / f"{sys.argv[1]}-{width}.mp4"
    write(path, settings(path.name, sound=False, size=(width, 180)), frames=60, draw=busy_picture)
    print(width, hashlib.sha256(path.read_bytes()).hexdigest())
"""


def test_h264_is_the_same_whatever_was_in_memory_before(tmp_path: Path) -> None:
    """Widths that are multiples of eight macroblocks, and one that is none: x264's AVX-512 code reads on behind it."""
    said = [
        subprocess.run([sys.executable, "-c", USED_MEMORY, str(run), tmp_path], stdout=subprocess.PIPE, check=True)
        for run in range(4)
    ]
    assert len(said[0].stdout.splitlines()) == 3
    assert {run.stdout for run in said} == {said[0].stdout}


@pytest.mark.parametrize(
    ("suffix", "codec"), [(container.suffix, codec) for container in FILES for codec in container.audio]
)
def test_every_audio_codec_in_every_container(tmp_path: Path, suffix: str, codec: str) -> None:
    """A click is at its sample, and sound alone has as many samples as it should."""
    path = tmp_path / f"out{suffix}"
    write(path, settings(path.name, audio={"codec": codec}), sound=Click(30000))
    sound = read_sound(path, 2)
    found = int(np.abs(sound[:, 0]).argmax())
    if (suffix, codec) in PADDED:
        # Heard late where samples are counted, and in time where their times are looked at.
        times = {stream["codec_type"]: float(stream["start_time"]) for stream in probe(path)["streams"]}
        assert found / RATE + times["audio"] - times["video"] == pytest.approx(30000 / RATE, abs=0.0011)
    elif codec in LOSSY_SOUND:
        assert abs(found - 30000) <= 1
        if codec == "aac" or not CONTAINERS[suffix].video:
            assert len(sound) == RATE if codec != "aac" else RATE <= len(sound) < RATE + 1024
    else:
        assert found == 30000
        assert len(sound) == RATE
        step = 2**-23 if codec.endswith(("24le", "32le")) else 2**-15
        assert abs(float(sound[30000, 1]) - 0.9) <= step / 2 + 1e-7
        assert np.count_nonzero(sound[:, 0]) == 1


@pytest.mark.parametrize("suffix", [container.suffix for container in FILES if not container.video])
def test_sound_alone(tmp_path: Path, suffix: str) -> None:
    for run in (1, 2):
        path = tmp_path / f"{run}{suffix}"
        write(path, settings(path.name), sound=Click())
    assert (tmp_path / f"1{suffix}").read_bytes() == (tmp_path / f"2{suffix}").read_bytes()
    told = probe(path)
    (stream,) = told["streams"]
    assert (stream["codec_type"], stream["sample_rate"], stream["channels"]) == ("audio", str(RATE), 2)
    tags = {**told["format"].get("tags", {}), **stream.get("tags", {})}
    assert {key.lower(): value for key, value in tags.items()}["title"] == "A film"
    # ffprobe counts the padding of Opus and MP3, though ffmpeg leaves it out; MP4 tells whole milliseconds.
    assert 1 <= float(told["format"]["duration"]) <= (1.04 if suffix in (".mp3", ".opus", ".ogg") else 1)


@pytest.mark.parametrize(
    ("suffix", "video"),
    [
        (".mkv", {"codec": "ffv1"}),
        (".mkv", {"codec": "ffv1", "pix_fmt": "yuv422p10le"}),
        (".mkv", {"codec": "ffv1", "pix_fmt": "bgr0"}),
        (".mp4", {"codec": "h264", "crf": 0, "pix_fmt": "yuv444p", "preset": "ultrafast"}),
    ],
)
def test_lossless_codecs_keep_every_sample(tmp_path: Path, suffix: str, video: dict[str, Any]) -> None:
    path = tmp_path / f"out{suffix}"
    chosen = settings(path.name, sound=False, video=video)
    write(path, chosen, frames=5)
    assert chosen.video is not None
    layout = chosen.video.pix_fmt
    planes = [layout.plane_size(i, WIDTH, HEIGHT) for i in range(layout.plane_count)]
    samples = 4 if not layout.planar else 1
    sizes = [w * h * samples for w, h in planes]
    got = read_planes(path, layout.name, WIDTH, HEIGHT, Fraction(sum(sizes) * layout.bytes_per_sample, WIDTH * HEIGHT))
    for number, frame in enumerate(got):
        values = frame.view(np.uint8 if layout.bits == 8 else np.uint16)
        start = 0
        for (width, height), size in zip(planes, sizes, strict=True):
            rows = values[start : start + size].reshape(height, width * samples)
            ramp = np.arange(width * samples)[None] + 2 * np.arange(height)[:, None] + 3 * number
            known = slice(None) if layout.planar else np.arange(width * samples) % 4 != 3
            assert np.array_equal(rows[:, known], (16 + ramp % 200)[:, known])
            start += size


@pytest.mark.parametrize(
    ("profile", "told"), [("baseline", "Constrained Baseline"), ("main", "Main"), ("high", "High")]
)
def test_profiles_of_h264(tmp_path: Path, profile: str, told: str) -> None:
    path = tmp_path / "out.mp4"
    write(path, settings(path.name, sound=False, video={"profile": profile}), frames=5)
    assert probe(path)["streams"][0]["profile"] == told


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_the_index_stands_in_front(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write(path, settings(path.name), sound=Click())
    order = boxes(path.read_bytes())
    assert order.index("moov") < order.index("mdat")
    assert "moof" not in order


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_fragments(tmp_path: Path, suffix: str, codec: str) -> None:
    """One for each group of pictures, behind a header without samples."""
    for run in (1, 2):
        path = tmp_path / f"{run}{suffix}"
        chosen = settings(path.name, video={"codec": codec, "gop": 8}, fragmented=True)
        write(path, chosen, sound=Click())
    assert (tmp_path / f"1{suffix}").read_bytes() == path.read_bytes()
    order = boxes(path.read_bytes())
    assert order == ["ftyp", "moov", *4 * ["moof", "mdat"], "mfra"]
    told = probe(path, "-count_frames")
    video, audio = told["streams"]
    assert (video["nb_read_frames"], float(video["start_time"])) == ("30", 0)
    # Readers as old as FFmpeg 5.1 hear the padding of AAC in fragments, at its time before the beginning.
    late = int(np.abs(read_sound(path, 2)[:, 0]).argmax()) - 30000
    assert late / RATE + float(audio["start_time"]) == pytest.approx(0, abs=2 / RATE)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".webm"])
def test_a_film_of_one_picture_lasts_one_frame(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out{suffix}"
    write(path, settings(path.name, sound=False), frames=1)
    told = probe(path, "-count_frames")
    assert told["streams"][0]["nb_read_frames"] == "1"
    assert float(told["format"]["duration"]) == pytest.approx(1001 / 30000, abs=0.001)


LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from pathlib import Path
from reelmill.planner.errors import ExportError
from tests.support.written_films import Click, settings, write
for limit in map(int, sys.argv[2:]):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    path = Path(sys.argv[1])
    try:
        write(path, settings(path.name), sound=Click())
    except ExportError as error:
        print(error.exit_code, error.message)
    else:
        print("no error")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a file-size limit stands in for a full disk")
@pytest.mark.parametrize("suffix", [container.suffix for container in FILES])
def test_a_full_disk_is_noticed_wherever_it_happens(tmp_path: Path, suffix: str) -> None:
    """From the first byte to the last one, which is written when the file is closed."""
    path = tmp_path / f"out{suffix}"
    write(path, settings(path.name), sound=Click())
    whole = path.stat().st_size
    limits = [0, 20, whole // 2, whole - 1, whole]
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), *map(str, limits)], capture_output=True, text=True, check=True
    )
    said = done.stdout.splitlines()
    assert len(said) == len(limits)
    assert all("no space left" in line and path.name in line for line in said[:-1]), said
    assert said[-1] == "no error"
