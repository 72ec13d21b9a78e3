"""The media that the fuzzer mutates, and those that its projects name: tiny files of many formats.

`make_media` fills a folder, once; files are made by ffmpeg and Pillow. All that projects name lies there as well, odd
things included: a pipe, a link to itself, an empty file.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import font_source_sans_pro
import numpy as np
from PIL import Image

from tests.support.clips import ffmpeg
from tests.support.random_projects import SOURCES

ROOT = Path(__file__).resolve().parent.parent.parent
PICTURE = ("-f", "lavfi", "-i", "testsrc2=s=64x48:r=25:d=0.8")
MOVING = ("-f", "lavfi", "-i", "mandelbrot=s=64x48:r=25:end_scale=0.1,trim=duration=0.8")
SOUND = ("-f", "lavfi", "-i", "sine=f=440:r=48000:d=0.8,aformat=channel_layouts=stereo")
X264 = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-bf", "2", "-b_strategy", "0", "-g", "8")
MPEG = ("-bf", "2", "-g", "8", "-q:v", "4")

FILMS: dict[str, tuple[str, ...]] = {
    "h264.mp4": (*PICTURE, *SOUND, *X264, "-c:a", "aac"),
    "fragmented.mp4": (*MOVING, *X264, "-movflags", "frag_keyframe+empty_moov"),
    "hevc.mp4": (*PICTURE, "-c:v", "libx265", "-x265-params", "log-level=none:keyint=8", "-pix_fmt", "yuv420p"),
    "av1.mp4": (*PICTURE, "-c:v", "libaom-av1", "-cpu-used", "8", "-b:v", "200k", "-g", "8"),
    "prores.mov": (*PICTURE, *SOUND, "-c:v", "prores_ks", "-c:a", "pcm_s16le"),
    "mjpeg.mov": (*PICTURE, "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4"),
    "alpha.mov": (*PICTURE, "-c:v", "qtrle", "-pix_fmt", "argb"),
    "h264.mkv": (*MOVING, *SOUND, *X264, "-c:a", "flac"),
    "ffv1.mkv": (*PICTURE, "-c:v", "ffv1", "-level", "3", "-g", "1", "-slicecrc", "1"),
    "vp8.webm": (*MOVING, *SOUND, "-c:v", "libvpx", "-b:v", "300k", "-g", "8", "-c:a", "libvorbis"),
    "vp9.webm": (*MOVING, *SOUND, "-c:v", "libvpx-vp9", "-cpu-used", "8", "-b:v", "300k", "-g", "8", "-c:a", "libopus"),
    "mpeg2.ts": (*MOVING, *SOUND, "-c:v", "mpeg2video", *MPEG, "-c:a", "mp2"),
    "h264.ts": (*MOVING, *SOUND, *X264, "-c:a", "aac"),
    "mpeg1.mpg": (*MOVING, *SOUND, "-c:v", "mpeg1video", *MPEG, "-c:a", "mp2"),
    "mpeg2.mpg": (*PICTURE, *SOUND, "-c:v", "mpeg2video", *MPEG, "-c:a", "ac3", "-f", "vob"),
    "mpeg4.avi": (*MOVING, *SOUND, "-c:v", "mpeg4", *MPEG, "-c:a", "libmp3lame"),
    "flv.flv": (*PICTURE, *SOUND, "-c:v", "flv", "-c:a", "adpcm_swf", "-ar", "44100"),
    "theora.ogv": (*MOVING, *SOUND, "-c:v", "libtheora", "-q:v", "5", "-g", "8", "-c:a", "libvorbis"),
    "wmv.asf": (*PICTURE, *SOUND, "-c:v", "wmv2", "-c:a", "wmav2"),
    "interlaced.ts": (*MOVING, "-c:v", "mpeg2video", *MPEG, "-flags", "+ilme+ildct", "-vf", "setfield=tff"),
}
SOUNDS: dict[str, tuple[str, ...]] = {
    "vorbis.ogg": (*SOUND, "-c:a", "libvorbis"),
    "opus.opus": (*SOUND, "-c:a", "libopus"),
    "lame.mp3": (*SOUND, "-c:a", "libmp3lame", "-metadata", "title=Mélodie"),
    "pcm.wav": (*SOUND, "-c:a", "pcm_s16le"),
    "float.wav": (*SOUND, "-c:a", "pcm_f32le", "-ac", "1"),
    "flac.flac": (*SOUND, "-c:a", "flac"),
    "aac.m4a": (*SOUND, "-c:a", "aac"),
    "adts.aac": (*SOUND, "-c:a", "aac"),
    "ac3.ac3": (*SOUND, "-c:a", "ac3"),
    "pcm.aiff": (*SOUND, "-c:a", "pcm_s16be"),
    "adpcm.wav": (*SOUND, "-c:a", "adpcm_ima_wav"),
    "alac.m4a": (*SOUND, "-c:a", "alac"),
}
PICTURES: dict[str, tuple[str, ...]] = {
    "gif.gif": (*PICTURE, "-frames:v", "4"),
    "apng.apng": (*PICTURE, "-frames:v", "3", "-f", "apng"),
    "deep.png": (*PICTURE, "-frames:v", "1", "-pix_fmt", "rgba64be"),
    "palette.png": (*PICTURE, "-frames:v", "1", "-pix_fmt", "pal8"),
    "exr.exr": (*PICTURE, "-frames:v", "1", "-pix_fmt", "gbrpf32le"),
    "dpx.dpx": (*PICTURE, "-frames:v", "1", "-pix_fmt", "gbrp10be"),
}
PILLOW_PICTURES = (
    *(
        "png.png",
        "jpg.jpg",
        "webp.webp",
        "avif.avif",
        "tiff.tiff",
        "bmp.bmp",
        "tga.tga",
        "ppm.ppm",
        "ico.ico",
        "jp2.jp2",
    ),
)
SRT = """1
00:00:00,000 --> 00:00:00,400
<i>First</i> line, {\\an8}above
and a second

2
00:00:00,400 --> 00:00:00,800
<font color="#ff8800">Café &amp; crème</font>
"""
VTT = """WEBVTT

STYLE
::cue { color: lime }

first
00:00.000 --> 00:00.400 line:10% position:50% align:start size:40%
<v Anna>Hello <b>there</b></v>

00:00.400 --> 00:00.800
<c.yellow>Second</c> <00:00.600>word
"""
ASS = """[Script Info]
ScriptType: v4.00+
PlayResX: 64
PlayResY: 48
WrapStyle: 0

[V4+ Styles]
Format: Name, Fontname, Fontsize, PrimaryColour, SecondaryColour, OutlineColour, BackColour, Bold, Italic, Underline, \
StrikeOut, ScaleX, ScaleY, Spacing, Angle, BorderStyle, Outline, Shadow, Alignment, MarginL, MarginR, MarginV, Encoding
Style: Default,Source Sans Pro,12,&H00FFFFFF,&H000000FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,1,1,1,2,2,2,2,1
Style: Sign,Source Sans Pro,10,&H0000FFFF,&H000000FF,&H00000000,&H80000000,0,0,0,0,100,100,0,0,3,1,0,8,2,2,2,1

[Events]
Format: Layer, Start, End, Style, Name, MarginL, MarginR, MarginV, Effect, Text
Dialogue: 0,0:00:00.00,0:00:00.40,Default,,0,0,0,,Hello{\\i1} there{\\i0}\\Nnext
Dialogue: 1,0:00:00.30,0:00:00.80,Sign,,0,0,0,,{\\an8\\pos(32,10)\\c&H00FF00&\\fs14}A sign
"""
TEXTS = {"cues.srt": SRT, "cues.vtt": VTT, "cues.ass": ASS}
FONTS = ("font.ttf",)


def make_media(folder: Path) -> None:
    """Make every file that is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Callable[[Path], object]] = {}
    for name, arguments in (FILMS | SOUNDS | PICTURES | SOURCES).items():
        makers[name] = lambda path, arguments=arguments: ffmpeg(*arguments, "-map_metadata", "-1", path)  # type: ignore[misc]
    for name in PILLOW_PICTURES:
        makers[name] = lambda path: _picture().save(path)
    for name, text in TEXTS.items():
        makers[name] = lambda path, text=text: path.write_text(text, encoding="utf-8")  # type: ignore[misc]
    makers["font.ttf"] = _copy_font
    makers["noise.mp4"] = lambda path: path.write_bytes(np.random.default_rng(1).bytes(5000))
    makers["empty.mp4"] = lambda path: path.touch()
    makers |= named_by_examples()
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(lambda name: _make(folder / name, makers[name]), makers))
    shutil.copy(os.fsencode(folder / "gop.mp4"), os.fsencode(folder) + b"/odd-\xff.mp4")
    for name, make in (("pipe", os.mkfifo), ("loop", lambda path: path.symlink_to("loop"))):
        if not os.path.lexists(folder / name):
            make(folder / name)


def media_names() -> tuple[str, ...]:
    """The files that are mutated."""
    return (*FILMS, *SOUNDS, *PICTURES, *PILLOW_PICTURES, *TEXTS, *FONTS)


def _make(path: Path, maker: Callable[[Path], object]) -> None:
    if not path.exists():
        made = path.with_name(f"{os.getpid()}-{path.name}")
        maker(made)
        made.replace(path)


def _picture() -> Image.Image:
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    return Image.fromarray(np.stack([4 * x, 5 * y, 3 * (x ^ y)], axis=-1).astype(np.uint8))


def _copy_font(path: Path) -> None:
    shutil.copy(font_source_sans_pro.font_files_ttf["SourceSansPro"], path)


def named_by_examples() -> dict[str, Callable[[Path], object]]:
    """Small files for every name in the examples' projects."""
    kinds: dict[str, Callable[[Path], object]] = {
        ".mp4": lambda path: ffmpeg(*_long(path), "-f", "lavfi", "-i", "sine=f=330:d=20", *X264, "-c:a", "aac", path),
        ".webm": lambda path: ffmpeg(
            *_long(path), "-c:v", "libvpx", "-auto-alt-ref", "0", "-pix_fmt", "yuva420p", path
        ),
        ".png": lambda path: _picture().convert("RGBA").save(path),
        ".jpg": lambda path: _picture().save(path),
        ".flac": lambda path: ffmpeg("-f", "lavfi", "-i", "sine=f=330:d=40", "-ac", "2", path),
        ".srt": lambda path: path.write_text(SRT),
        ".vtt": lambda path: path.write_text(VTT),
        ".ass": lambda path: path.write_text(ASS),
        ".ttf": _copy_font,
    }
    names = set()
    for project in (ROOT / "examples").glob("*/project.json"):
        text = json.dumps(json.loads(project.read_text()))
        names |= {part.rpartition("/")[2] for part in text.split('"') if part.endswith(tuple(kinds))}
    return {name: kinds[Path(name).suffix] for name in sorted(names)}


def _long(path: Path) -> tuple[str, ...]:
    hue = sum(path.name.encode()) % 360
    return ("-f", "lavfi", "-i", f"testsrc2=s=64x36:r=30:d=20,hue=h={hue}")
