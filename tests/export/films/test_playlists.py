"""HLS: segments and a playlist, complete or not there at all, checked segment by segment with ffmpeg's programs."""

from __future__ import annotations

import os
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from reelmill.export.films.codecs import OutputSettings
from reelmill.export.films.playlist_output import PlaylistOutput
from reelmill.export.films.segment_files import SegmentFiles
from reelmill.planner.errors import RenderError, SetupError
from tests.support.browser import CHROMIUM, play
from tests.support.films import ffmpeg, probe, read_planes, read_sound
from tests.support.mp4_boxes import boxes
from tests.support.written_films import HEIGHT, RATE, WIDTH, Click, settings, write

FPS = Fraction(30000, 1001)
GOP = 12


def short(name: str = "film.m3u8", **video: Any) -> OutputSettings:
    """Segments of six seconds, or fifteen groups of pictures."""
    return settings(name, video={"gop": GOP, "preset": "ultrafast", **video})


def export(path: Path, frames: int = 400, *, force: bool = False, chosen: OutputSettings | None = None) -> None:
    chosen = chosen or short(path.name)
    assert chosen.video is not None
    with PlaylistOutput(path, chosen.video, force=force) as target:
        write(target.destination, chosen, frames, Click(sample_count=int(frames / FPS * RATE)))
        target.commit()


def listed(path: Path) -> dict[str, list[str]]:
    """Lines of a playlist by what they are: tags, and the files that they announce."""
    found: dict[str, list[str]] = {"files": []}
    for line in path.read_text().splitlines():
        if line.startswith("#"):
            name, _, value = line.partition(":")
            found.setdefault(name, []).append(value)
        else:
            found["files"].append(line)
    return found


@pytest.mark.parametrize("codec", ["h264", "hevc", "av1"])
def test_every_segment_by_itself(tmp_path: Path, codec: str) -> None:
    path = tmp_path / "my film.m3u8"
    chosen = short(path.name, codec=codec, preset=None)
    export(path, chosen=chosen)
    assert chosen.video is not None
    assert chosen.video.segment_frames == 180
    playlist = listed(path)
    counts = [180, 180, 40]
    assert playlist["#EXT-X-PLAYLIST-TYPE"] == ["VOD"]
    assert "#EXT-X-ENDLIST" in playlist
    assert playlist["#EXT-X-TARGETDURATION"] == ["6"]
    assert playlist["#EXTINF"] == [f"{float(count / FPS):.6f}," for count in counts]
    header = tmp_path / playlist["#EXT-X-MAP"][0].removeprefix('URI="').removesuffix('"')
    assert boxes(header.read_bytes()) == ["ftyp", "moov"]
    segments = [tmp_path / name for name in playlist["files"]]
    assert sorted(header.parent.iterdir()) == sorted([header, *segments])
    begin = None
    for segment, count in zip(segments, counts, strict=True):
        assert boxes(segment.read_bytes())[0] == "moof"
        alone = tmp_path / "alone.mp4"
        alone.write_bytes(header.read_bytes() + segment.read_bytes())
        entries = ("-count_frames", "-select_streams", "v", "-show_entries", "packet=pts_time,flags")
        told = probe(alone, *entries)
        assert told["streams"][0]["nb_read_frames"] == str(count)
        assert told["packets"][0]["flags"].startswith("K")
        first = min(float(packet["pts_time"]) for packet in told["packets"])
        if begin is not None:
            assert first == pytest.approx(begin, abs=1e-3)
        begin = first + float(count / FPS)
        # Complaints about missing references would stand here.
        said = subprocess.run(["ffmpeg", "-v", "error", "-i", alone, "-f", "null", "-"], capture_output=True).stderr
        assert said == b""


def test_the_whole_as_a_player_reads_it(tmp_path: Path) -> None:
    """The same pictures as in one file, and sound that goes with them."""
    path = tmp_path / "film.m3u8"
    export(path)
    told = probe(path, "-count_frames")
    video, audio = told["streams"]
    assert (video["codec_tag_string"], video["nb_read_frames"]) == ("avc1", "400")
    assert video["avg_frame_rate"] == "30000/1001"
    assert told["format"]["duration"] == f"{float(400 / FPS):.6f}"
    assert video["tags"]["title"] == "A film"
    one = tmp_path / "one.mp4"
    chosen = settings(one.name, sound=False, video={"gop": GOP, "preset": "ultrafast"})
    write(one, chosen, 400)
    frames = [read_planes(each, "yuv420p", WIDTH, HEIGHT, Fraction(3, 2)) for each in (path, one)]
    assert frames[0].shape == frames[1].shape
    assert np.abs(frames[0].astype(int) - frames[1]).mean() < 1
    assert float(video["start_time"]) == 0
    # As in fragments of mp4, readers as old as FFmpeg 5.1 hear the padding, at its time.
    late = int(np.abs(read_sound(path, 2)[:, 0]).argmax()) - 30000
    assert late / RATE + float(audio["start_time"]) == pytest.approx(0, abs=2 / RATE)


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    found = []
    for run in (1, 2):
        folder = tmp_path / str(run)
        export(folder / "film.m3u8")
        found.append({each.relative_to(folder): each.read_bytes() for each in folder.rglob("*.*") if each.is_file()})
    assert found[0] == found[1]
    assert len(found[0]) == 5


def test_a_new_film_replaces_the_old_one_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    export(path)
    (old,) = (each for each in tmp_path.iterdir() if each.is_dir())
    (tmp_path / "film-notes").mkdir()
    with pytest.raises(SetupError, match="exists already"):
        export(path)
    export(path, 200, force=True)
    assert not old.exists()
    (new,) = {Path(name).parent for name in listed(path)["files"]}
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted(["film-notes", "film.m3u8", str(new)])
    export(path, 200, force=True)  # the same once more
    assert (tmp_path / new / "init.mp4").exists()
    assert probe(path, "-count_frames")["streams"][0]["nb_read_frames"] == "200"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new" / "film.m3u8"
    chosen = short()
    assert chosen.video is not None
    with pytest.raises(RenderError, match="the sound broke"), PlaylistOutput(path, chosen.video, force=False) as target:
        write(target.destination, chosen, 400, Click(sample_count=400_000, fails_at=300_000))
    assert list(tmp_path.iterdir()) == []


def test_a_playlist_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    chosen = short()
    assert chosen.video is not None
    with PlaylistOutput(path, chosen.video, force=False) as target:
        write(target.destination, chosen, 30, Click())
        path.write_text("another")
        with pytest.raises(RenderError, match="come to exist"):
            target.commit()
    assert [each.name for each in tmp_path.iterdir()] == ["film.m3u8"]
    assert path.read_text() == "another"


KILLED = """
import os, signal, sys
from pathlib import Path
from reelmill.export.films.playlist_output import PlaylistOutput
from tests.export.films.test_playlists import short
from tests.support.written_films import Click, write
target = PlaylistOutput(Path(sys.argv[1]), short().video, force=True)
write(target.destination, short(), 200, Click())
print(target.destination.segments, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_leftovers_of_a_killed_run_are_removed_by_the_next(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    export(path, 30)
    before = {each.name for each in tmp_path.iterdir()}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], capture_output=True)
    assert killed.returncode == -9
    left = {each.name for each in tmp_path.iterdir()} - before
    assert len(left) == 1
    assert probe(path, "-count_frames")["streams"][0]["nb_read_frames"] == "30"
    video = short().video
    assert video is not None
    with PlaylistOutput(path, video, force=True):
        living = {each.name for each in tmp_path.iterdir()} - before
        with PlaylistOutput(path, video, force=True):
            # The one that goes on is no leftover.
            assert {each.name for each in tmp_path.iterdir()} > living
        assert not left & living
    assert {each.name for each in tmp_path.iterdir()} == before


@pytest.mark.parametrize("call", ["rename", "replace", "remove"])
@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_run_that_is_killed_while_it_puts_things_in_place(tmp_path: Path, call: str) -> None:
    """There is one film at any time, and no folder of another one after the next run."""
    path = tmp_path / "film.m3u8"
    export(path, 30)
    command = [sys.executable, "-c", KILLED_AT_THE_END, str(path), call]
    assert subprocess.run(command, capture_output=True).returncode == -9
    frames = {"rename": "30", "replace": "30", "remove": "60"}[call]
    assert probe(path, "-count_frames")["streams"][0]["nb_read_frames"] == frames
    export(path, 90, force=True)
    assert probe(path, "-count_frames")["streams"][0]["nb_read_frames"] == "90"
    assert len(list(tmp_path.iterdir())) == 2


KILLED_AT_THE_END = """
import os, shutil, signal, sys
from pathlib import Path
from tests.export.films.test_playlists import export
path = Path(sys.argv[1])
def killed(*_, **__): os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[2] == "remove": shutil.rmtree = killed
elif sys.argv[2] == "replace": Path.replace = killed
else: Path.rename = killed
export(path, 60, force=True)
"""


def test_a_folder_that_lost_a_segment_is_made_whole_again(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    export(path, 30)
    (segment,) = tmp_path.glob("*/00000.m4s")
    data = segment.read_bytes()
    segment.unlink()
    export(path, 30, force=True)
    assert segment.read_bytes() == data
    assert len(list(tmp_path.iterdir())) == 2


FULL = """
import resource, signal, sys
from pathlib import Path
from reelmill.planner.errors import ExportError
from tests.export.films.test_playlists import export
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    export(Path(sys.argv[1]), 60)
except ExportError as error:
    print(error.exit_code, error.message)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="a file-size limit stands in for a full disk")
@pytest.mark.parametrize("limit", [0, 1000, 4000])
def test_a_full_disk_is_noticed(tmp_path: Path, limit: int) -> None:
    """libav's own muxer goes on, and publishes segments that are cut short."""
    path = tmp_path / "film.m3u8"
    command = [sys.executable, "-c", FULL, str(path), str(limit)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "no space left" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_keyframe_out_of_place_is_an_error(tmp_path: Path) -> None:
    """As if an encoder did not keep to the distance that it was told."""
    fragmented = tmp_path / "fragmented.mp4"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=2", "-c:v", "libx264", "-g", "9", "-sc_threshold", "0"),
        *("-movflags", "+frag_keyframe+delay_moov+default_base_moof", fragmented),
    )
    video = short().video
    assert video is not None
    with pytest.raises(RenderError, match="h264 put a keyframe at picture 9, and not at every 12th"):
        SegmentFiles(tmp_path, video).write(fragmented.read_bytes())


def test_cutting_does_not_depend_on_how_the_muxer_writes(tmp_path: Path) -> None:
    """Byte by byte, and by blocks that end amid boxes."""
    one = tmp_path / "one.mp4"
    chosen = settings(one.name, sound=False, video={"gop": GOP, "preset": "ultrafast"}, fragmented=True)
    write(one, chosen, 400)
    data = one.read_bytes()[: -len(b"....mfra")]
    video = short().video
    assert video is not None
    found = []
    for size in (1, 7, 1000, len(data)):
        folder = tmp_path / str(size)
        folder.mkdir()
        sink = SegmentFiles(folder, video)
        for start in range(0, len(data), size):
            sink.write(data[start : start + size])
        assert [segment.frames for segment in sink.segments] == [180, 180, 40]
        found.append({each.name: each.read_bytes() for each in folder.iterdir()})
    assert all(each == found[0] for each in found)


@pytest.mark.skipif(os.name == "nt" or (hasattr(os, "geteuid") and os.geteuid() == 0), reason="nothing stops root")
def test_a_folder_without_rights_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    video = short().video
    assert video is not None
    with pytest.raises(SetupError, match="can't be written: Permission denied"):
        PlaylistOutput(tmp_path / "film.m3u8", video, force=False)


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_plays_it(tmp_path: Path) -> None:
    path = tmp_path / "film.m3u8"
    export(path)
    # The browser's time begins with the padding before the sound.
    delay = -min(float(stream["start_time"]) for stream in probe(path)["streams"])
    numbers = [3, 150, 185, 399]
    played = play(path, [float((n + Fraction(1, 2)) / FPS) + delay for n in numbers], tmp_path / "profile")
    red = read_planes(path, "rgb24", WIDTH, HEIGHT, 3).reshape(-1, HEIGHT, WIDTH, 3)[..., 0].astype(int)
    assert (played.width, played.height, played.corrupted) == (WIDTH, HEIGHT, 0)
    assert played.duration == pytest.approx(float(400 / FPS) + delay, abs=0.05)
    assert played.ended == pytest.approx(played.duration, abs=0.05)
    for number, shown in zip(numbers, played.pictures, strict=True):
        around = range(max(number - 9, 0), min(number + 10, 400))
        assert min(around, key=lambda n: np.abs(red[n] - shown).mean()) == number
