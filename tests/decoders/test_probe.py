"""Facts about files, and what is said about files that are none."""

from __future__ import annotations

import shutil
import socket
import threading
from array import array
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path

import pytest

from reelmill.decoders.files.file_hash import BLOCK_BYTES, BLOCKS, file_hash
from reelmill.decoders.files.packet_table import VideoPackets, decoded_table, timed_table
from reelmill.decoders.probe import probe
from reelmill.planner.errors import SetupError
from reelmill.planner.media import AudioFacts, VideoFacts
from reelmill.planner.pts_table import PtsTable
from reelmill.planner.timeline import Media
from tests.support.clips import ClipRecipe, ffmpeg, frame_times, make_clip
from tests.support.sounds import first_frame_time

X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0")
AAC = ("-c:a", "aac")


def video_of(path: Path, **entry: int) -> tuple[VideoFacts, PtsTable]:
    facts = probe(Media("m", str(path), **entry))  # type: ignore[arg-type]  # streams are integers
    assert facts.video is not None
    assert facts.video.table is not None
    return facts.video, facts.video.table


def sound_of(path: Path) -> AudioFacts:
    facts = probe(Media("m", str(path)))
    assert facts.audio is not None
    return facts.audio


def refused(path: Path | str) -> SetupError:
    with pytest.raises(SetupError) as caught:
        probe(Media("m", str(path)))
    assert caught.value.file == str(path)
    assert caught.value.suggestion
    assert caught.value.exit_code == 2
    return caught.value


def test_facts_of_a_film(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = make_clip(tmp_path_factory, ClipRecipe("film.mp4", (*X264, "-g", "20"), Fraction(25), 50, AAC))
    facts = probe(Media("film", str(path)))
    video, table = video_of(path)
    assert (facts.media, facts.path, facts.kind) == ("film", str(path), "video")
    assert (video.codec, video.width, video.height, video.pix_fmt) == ("h264", 64, 48, "yuv420p")
    assert (video.stream, video.has_alpha, video.interlaced, video.frame_rate) == (0, False, False, Fraction(25))
    assert [table.source_time(pts) for pts in table.keyframes] == [0, Fraction(4, 5), Fraction(8, 5)]
    assert table.duration == 2
    assert facts.audio is not None
    assert (facts.audio.codec, facts.audio.channels, facts.audio.layout) == ("aac", 1, "mono")
    assert facts.audio.sample_rate == 48000
    assert facts.audio.start == 0
    assert abs(facts.audio.duration - 2) < Fraction(1024, 48000)
    assert facts.end(sound_only=False) == 2


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_sound_keeps_its_offset_to_the_first_frame(tmp_path: Path, container: str) -> None:
    path = tmp_path / f"late.{container}"
    picture = ("-itsoffset", "0.52", "-f", "lavfi", "-i", "testsrc2=s=64x48:d=1")
    sound = ("-f", "lavfi", "-i", "sine=d=2:r=48000")
    ffmpeg(*picture, *sound, "-map", "0", "-map", "1", "-vsync", "vfr", *X264, *AAC, path)
    audio = sound_of(path)
    # AAC's first packet is its encoder's delay, which only mp4 knows how to take off.
    delay = 0 if container == "mp4" else Fraction(1024, 48000)
    assert abs(audio.start - (Fraction(-52, 100) - delay)) <= Fraction(2, 1000)
    assert abs(audio.end - Fraction(148, 100)) < Fraction(2 * 1024, 48000)


def test_sound_of_a_stream_without_times_begins_with_its_first_frame(tmp_path: Path) -> None:
    path, same = tmp_path / "film.avi", tmp_path / "film.mkv"
    sources = ("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1", "-f", "lavfi", "-i", "sine=d=1:r=48000")
    ffmpeg(*sources, *X264, "-c:a", "pcm_s16le", path)
    assert not video_of(path)[1].timed
    # Of the same streams in a container that tells times, ffprobe says when sound and picture begin.
    ffmpeg(*sources, *X264, "-c:a", "pcm_s16le", same)
    assert sound_of(path).start == first_frame_time(same, "a:0") - first_frame_time(same, "v:0") == 0


@pytest.mark.parametrize(
    ("name", "codec"), [("s.wav", "pcm_s16le"), ("s.flac", "flac"), ("s.mp3", "libmp3lame"), ("s.opus", "libopus")]
)
def test_sound_alone_starts_at_its_own_beginning(tmp_path: Path, name: str, codec: str) -> None:
    path = tmp_path / name
    ffmpeg("-f", "lavfi", "-i", "sine=d=1.5:r=48000", "-ac", "2", "-c:a", codec, path)
    facts = probe(Media("m", str(path)))
    assert (facts.kind, facts.video) == ("sound", None)
    audio = sound_of(path)
    assert (audio.start, audio.channels, audio.sample_rate) == (Fraction(0), 2, 48000)
    tolerance = Fraction(1152, 48000) if name == "s.mp3" else Fraction(1, 48000)
    assert abs(audio.duration - Fraction(3, 2)) <= tolerance


@pytest.mark.parametrize("name", ["s.mp4", "s.mov"])
@pytest.mark.parametrize("codec", ["libmp3lame", "aac", "ac3", "pcm_s16le", "alac"])
def test_sound_in_mp4_is_as_long_as_what_was_encoded(tmp_path: Path, name: str, codec: str) -> None:
    """Without the encoder's delay and padding, so that a loop has no gap."""
    if (name, codec) == ("s.mp4", "pcm_s16le"):
        pytest.skip("ffmpeg writes PCM to mov alone")
    ffmpeg("-f", "lavfi", "-i", "sine=d=1.37:r=48000", "-c:a", codec, tmp_path / name)
    assert sound_of(tmp_path / name).duration == Fraction(137, 100)


def test_attached_pictures_are_not_the_video(tmp_path: Path) -> None:
    cover, path = tmp_path / "cover.png", tmp_path / "song.mp3"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48", "-frames:v", "1", cover)
    picture = ("-map", "0", "-map", "1", "-c:v", "copy", "-disposition:v", "attached_pic")
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.5", "-i", cover, *picture, "-c:a", "libmp3lame", path)
    assert probe(Media("m", str(path))).kind == "sound"


def test_streams_are_counted_among_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "two.mkv"
    sources = [part for size in ("64x48", "96x64") for part in ("-f", "lavfi", "-i", f"testsrc2=s={size}:d=0.2")]
    ffmpeg(*sources, "-map", "0", "-map", "1", *X264, "-disposition:v:0", "0", "-disposition:v:1", "default", path)
    assert video_of(path)[0].width == 96
    assert video_of(path, video_stream=0)[0].width == 64
    assert video_of(path, video_stream=1)[0].stream == 1
    with pytest.raises(SetupError, match="there is no video stream 2; the file has 2"):
        probe(Media("m", str(path), video_stream=2))
    with pytest.raises(SetupError, match="there is no audio stream 0; the file has 0"):
        probe(Media("m", str(path), audio_stream=0))


def test_frames_that_cannot_be_decoded_at_the_head_are_left_out(tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.ts", tmp_path / "cut.ts"
    options = ("-g", "10", "-x264-params", "open-gop=1:scenecut=0")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=2", *X264, *options, "-muxrate", "400k", whole)
    data = whole.read_bytes()
    path.write_bytes(data[:564] + data[len(data) // 3 // 188 * 188 :])
    _, table = video_of(path)
    assert list(table.pts) == frame_times(path)[1]
    assert len(table.pts) < 45


SLIDES = ("-vf", "settb=1/90000,setpts='(N+8*gte(N,4)+gte(N,5)+gte(N,7)*3)*90000'", "-vsync", "vfr")
"""Frames at 0, 1, 2, 3, 12, 14, 15 and 19 s; the last is shown for 0.04 s, one frame at the encoder's rate."""


def slides(path: Path) -> Path:
    encoding = (*X264, "-bf", "3", "-video_track_timescale", "90000")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.32", *SLIDES, *encoding, path)
    return path


def test_a_film_of_variable_rate_ends_with_its_last_frame(tmp_path: Path) -> None:
    first = slides(tmp_path / "slides.mp4")
    assert video_of(first)[1].duration == Fraction("19.04")
    no_edit_list = ("-movflags", "frag_keyframe+empty_moov")
    names = {"s.mov": (), "f.mp4": no_edit_list, "late.mp4": ("-output_ts_offset", "3"), "s.mkv": (), "s.ts": ()}
    for name, options in names.items():
        ffmpeg("-i", first, "-c", "copy", *options, tmp_path / name)
        assert video_of(tmp_path / name)[1].duration == Fraction("19.04"), name


def test_a_film_of_variable_rate_that_was_cut_ends_with_its_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", "2.5", "-i", slides(tmp_path / "slides.mp4"), "-c", "copy", path)
    assert video_of(path)[1].last_frame_duration == Fraction("0.04")


def test_a_program_stream_that_tells_no_duration_ends_with_its_last_frame(tmp_path: Path) -> None:
    path = tmp_path / "pipe.mkv"
    path.write_bytes(ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=1:r=30", *X264, "-f", "matroska", "-"))
    assert abs(video_of(path)[1].duration - 1) <= Fraction(1, 1000)


def test_table_of_packets_in_decode_order() -> None:
    found = VideoPackets(Fraction(1, 10), [0, 30, 10, 20, 60], [-10, 0, 10, 20, 30], [10, 10, 10, 10, 0], [0, 4])
    table = timed_table(found, 0, None)
    assert list(table.pts) == [0, 10, 20, 30, 60]
    assert (list(table.keyframes), list(table.seek_targets or [])) == ([0, 60], [-10, 30])
    assert table.end_pts == 90, "as long as the frame before"


def test_table_of_a_single_frame_lasts_as_long_as_the_rate_says() -> None:
    found = VideoPackets(Fraction(1, 90000), [7], [7], [0], [0])
    assert timed_table(found, 7, Fraction(30)).end_pts == 7 + 3000
    assert timed_table(found, 7, None).end_pts == 7 + 3600


def test_table_of_frames_without_times() -> None:
    found = VideoPackets(Fraction(1, 1200), [None] * 3, [None] * 3, [0] * 3, [0])
    table = decoded_table(found, [None] * 3, Fraction(24))
    assert (table.pts, table.timed, table.end_pts) == (array("q", [0, 50, 100]), False, 150)
    late = VideoPackets(Fraction(1, 25), [1, 2, 3], [0, 1, 5], [1] * 3, [0])
    table = decoded_table(late, [1, 3, 2], Fraction(25))
    assert (list(table.pts), table.timed) == ([0, 1, 5], False)


def test_missing_file(tmp_path: Path) -> None:
    assert refused(tmp_path / "none.mp4").message == "the file does not exist"
    assert "network" not in refused(tmp_path / "none.mp4").message


def test_folder(tmp_path: Path) -> None:
    assert refused(tmp_path).message == "the path is a folder, not a media file"


def test_empty_file(tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert refused(path).message == "the file is empty (0 bytes)"


@pytest.mark.parametrize("name", ["text.mp4", "text.txt", "text.mov", "text"])
def test_text_named_like_a_film(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text("This is not a film.\n" * 50)
    assert refused(path).message == "the file is text, not a media file"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        # libav takes these for sound: AMR without a header, and G.729.
        ("<!--" * 100_000, "a web page"),
        ("<!DOCTYPE html>\n<html><body>Sign in to download</body></html>", "a web page"),
        ("\ufeff<html>", "a web page"),
        ("<" * 5000, "text"),
        ("é, 中文, \t 0.5\r\n" * 500, "text"),
        ("\x1b[31mred\x1b[0m" * 500, "text"),
        ("time,value\n" * 1000, "text"),
    ],
)
def test_texts_that_libav_takes_for_sound(tmp_path: Path, content: str, kind: str) -> None:
    path = tmp_path / "sound.mp4"
    path.write_text(content, encoding="utf-8")
    error = refused(path)
    assert error.message == f"the file is {kind}, not a media file"
    assert error.suggestion


def test_samples_that_look_like_text_are_media(tmp_path: Path) -> None:
    path = tmp_path / "gray.y4m"
    path.write_bytes(b"YUV4MPEG2 W64 H64 F25:1 Cmono\n" + (b"FRAME\n" + b"@" * 4096) * 3)
    assert video_of(path)[0].width == 64


def test_subtitles_alone(tmp_path: Path) -> None:
    path = tmp_path / "words.srt"
    path.write_text("1\n00:00:00,000 --> 00:00:01,000\nHello\n")
    assert refused(path).message == "the file holds subtitles, neither picture nor sound"
    assert "subtitles" in (refused(path).suggestion or "")


def test_device_file() -> None:
    assert "device or a pipe" in refused("/dev/null").message


@pytest.mark.parametrize(
    "address",
    ["http://example.org/a.mp4", "https://example.org/a.mp4", "rtmp://h/live", "tcp://1.2.3.4:5", "udp://@:1"],
)
def test_network_address(address: str) -> None:
    error = refused(address)
    assert "is a network address; media are local files" in error.message
    assert "--allow-network" in (error.suggestion or "")


@contextmanager
def stalled_server(*sent: bytes) -> Iterator[str]:
    """The address of a server that sends something to each client, and then nothing more."""
    clients: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    clients.append(listener.accept()[0])
                    for data in sent:
                        clients[-1].sendall(data)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/a.wav"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    for client in clients:
        client.close()


@pytest.mark.parametrize("sends_a_part", [False, True])
def test_a_server_that_stalls(monkeypatch: pytest.MonkeyPatch, *, sends_a_part: bool) -> None:
    monkeypatch.setattr("reelmill.decoders.files.container.OPEN_SECONDS", 1)
    monkeypatch.setattr("reelmill.decoders.files.container.READ_SECONDS", 1)
    film = ffmpeg("-f", "lavfi", "-i", "sine=d=10:r=48000", "-f", "wav", "-")
    part = (b"HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n", film) if sends_a_part else ()
    with stalled_server(*part) as address, pytest.raises(SetupError, match="did not answer in time"):
        probe(Media("m", address), allow_network=True)


def playlists(target: Path) -> dict[str, str]:
    segment = f'<BaseURL>{target.name}</BaseURL><SegmentBase indexRange="0-1"/>'
    manifest = f'<?xml version="1.0"?>\n<MPD type="static"><Period><AdaptationSet><Representation>{segment}'
    return {
        "list.m3u8": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{target.name}\n#EXT-X-ENDLIST\n",
        "list.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:2,\n{target.name}\n#EXT-X-ENDLIST\n",
        "list.ffconcat": f"ffconcat version 1.0\nfile {target.name}\n",
        "list.mpd": f"{manifest}</Representation></AdaptationSet></Period></MPD>",
        "list.sdp": "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nm=video 5000 RTP/AVP 96\r\n",
        "list.pls": f"[playlist]\nFile1={target.name}\n",
    }


@pytest.mark.parametrize("name", playlists(Path("x")))
def test_playlists_that_name_other_files(tmp_path: Path, name: str) -> None:
    film = tmp_path / "film.ts"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.4", *X264, film)
    path = tmp_path / name
    path.write_text(playlists(film)[name])
    assert "which names other files" in refused(path).message


SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
DOCTYPE = '<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'


@pytest.mark.parametrize(
    "drawing",
    [SVG, f'<?xml version="1.0"?>\n<!-- a -->\n{DOCTYPE}\n<!-- b -->{SVG}', f'<!DOCTYPE svg [<!ENTITY a "b">]>{SVG}'],
)
def test_drawings_are_named(tmp_path: Path, drawing: str) -> None:
    path = tmp_path / "logo.png"
    path.write_text(drawing)
    error = refused(path)
    assert error.message == "the file is an SVG drawing, which is not supported"
    assert error.suggestion == "save it as a PNG picture of the size at which it is shown, and name that"


def test_film_cut_off_with_its_index_at_the_end(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    whole = make_clip(tmp_path_factory, ClipRecipe("whole.mp4", X264))
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert "can't be read as media" in refused(path).message


@pytest.mark.parametrize("name", ["whole.mp4", "whole.mkv", "whole.mov"])
def test_film_cut_off_with_its_index_in_front(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, name: str
) -> None:
    options = () if name.endswith("mkv") else ("-movflags", "+faststart")
    whole = make_clip(tmp_path_factory, ClipRecipe(name, (*X264, *options), frames=60))
    path = tmp_path / name
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    assert "cut off" in refused(path).message
    facts = probe(Media("m", str(path), on_error="conceal"))
    assert facts.video is not None


def test_hash_is_of_the_content(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    data = bytes(range(256)) * 300
    one.write_bytes(data)
    shutil.copy(one, other)
    assert file_hash(str(one)) == file_hash(str(other))
    other.write_bytes(data[:-1] + b"x")
    assert file_hash(str(one)) != file_hash(str(other))
    other.write_bytes(data + b"\0")
    assert file_hash(str(one)) != file_hash(str(other))


def test_hash_of_a_large_file_samples_it(tmp_path: Path) -> None:
    path = tmp_path / "large"
    size = 3 * BLOCKS * BLOCK_BYTES
    with path.open("wb") as file:
        file.truncate(size)
    first = file_hash(str(path))
    with path.open("r+b") as file:
        file.seek(size - 1)
        file.write(b"x")
    assert file_hash(str(path)) != first
    with pytest.raises(SetupError, match="the file can't be read"):
        file_hash(str(tmp_path / "none"))
