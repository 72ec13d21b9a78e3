"""Pictures that libav reads, AVIF and HEIC, against ffmpeg's decoders, plain numpy and published formulas."""

from __future__ import annotations

import sys
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from reelmill.decoders.probe import probe
from reelmill.decoders.stills.picture_reader import open_picture_reader
from reelmill.planner.colour import SRGB
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.media import MediaFacts, Orientation
from reelmill.planner.timeline import Media
from tests.support.pictures import bytes_of, decoded_by_ffmpeg, facts_of, ffmpeg, make_picture, pixels_of, read

SQUARE = (Fraction(85), Fraction(62))


@pytest.mark.parametrize(
    ("name", "stored", "read_as"),
    [
        ("a.dpx", "gbrp10le", "gbrp10le"),
        ("a.dpx", "rgba", "rgba"),
        ("a.ppm", "rgb24", "rgb24"),
        ("a.ppm", "rgb48be", "gbrp16le"),
        ("a.pgm", "gray16be", "gray16le"),
        ("a.pbm", "monow", "gray"),
        ("a.pam", "rgba", "rgba"),
        ("a.tga", "bgra", "bgra"),
        ("a.tga", "bgr24", "rgb24"),
        ("a.sgi", "rgb24", "gbrp"),
        ("a.pcx", "rgb24", "rgb24"),
        ("a.sun", "bgr24", "rgb24"),
        ("a.xwd", "rgb24", "rgb24"),
        ("a.xbm", "monow", "gray"),
        ("a.jp2", "rgb48le", "gbrp16le"),
        ("a.j2k", "rgb24", "rgb24"),
        ("a.jls", "rgb24", "rgb24"),
    ],
)
def test_stills_are_as_ffmpeg_decodes_them(tmp_path: Path, name: str, stored: str, read_as: str) -> None:
    path = make_picture(tmp_path / name, stored)
    expected = decoded_by_ffmpeg(path, read_as, 1)[0]
    path = path.rename(tmp_path / "picture.mp4")  # the content decides, not the name
    facts = probe(Media("m", str(path)))
    assert facts.video is not None
    assert (facts.kind, facts.video.table, facts.video.width, facts.video.height) == ("still", None, 85, 62)
    assert (facts.video.pix_fmt, facts.video.colour, facts.video.display_size) == (read_as, SRGB, SQUARE)
    frame = open_picture_reader(Media("m", str(path)), facts).frame(0)
    assert (frame.format.name, frame.colour, frame.width, frame.height) == (read_as, SRGB, 85, 62)
    rows = [np.frombuffer(plane.data, np.uint8).reshape(62, -1) for plane in frame.planes]
    got = [each[:, : _row(85, read_as)].ravel() for each in rows]
    assert np.array_equal(np.concatenate(got), expected)


def _row(width: int, pix_fmt: str) -> int:
    """Bytes of a row of a plane without its padding."""
    return width * {"rgb24": 3, "rgba": 4, "bgra": 4, "gbrp": 1, "gray": 1}.get(pix_fmt, 2)


@pytest.mark.parametrize("stored", ["gbrpf32le", "gbrapf32le", "grayf32le"])
def test_exr_is_light_and_premultiplied(tmp_path: Path, stored: str) -> None:
    path = make_picture(tmp_path / "a.exr", stored)
    _, facts = facts_of(path)
    assert facts.video is not None
    assert (facts.kind, facts.video.colour, facts.video.has_alpha) == ("still", SRGB, stored.startswith("gbrap"))
    light = np.frombuffer(ffmpeg("-i", path, "-pix_fmt", stored, "-f", "rawvideo", "-"), "<f4").reshape(-1, 62, 85)
    alpha = light[3].astype(float) if len(light) == 4 else np.ones((62, 85))
    straight = np.clip(np.divide(light[:3], alpha, out=np.zeros((min(len(light), 3), 62, 85)), where=alpha > 0), 0, 1)
    # The curve of IEC 61966-2-1.
    codes = np.where(straight <= 0.0031308, 12.92 * straight, 1.055 * straight ** (1 / 2.4) - 0.055)
    planes = [np.frombuffer(plane.data, "<u2").reshape(62, 85) for plane in read(path).planes]
    for plane, expected in zip(planes, [*codes, *([alpha] if len(light) == 4 else [])], strict=True):
        assert np.abs(plane - 65535 * expected).max() <= 0.51


def test_anamorphic_film_scans_keep_their_pixels_shape(tmp_path: Path) -> None:
    for name in ("a.exr", "a.dpx"):
        path = tmp_path / name
        ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48,setsar=2", "-frames:v", "1", path)
        facts = facts_of(path)[1].video
        assert facts is not None
        assert facts.display_size == (Fraction(128), Fraction(48))


@pytest.mark.parametrize("name", ["a.exr", "a.dpx", "a.ppm", "a.jp2", "a.tga", "a.qoi", "a.sun"])
def test_truncated_pictures(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if name == "a.qoi":
        Image.fromarray(_noise(85, 62, 3)).save(path)
    else:
        make_picture(path, "gbrpf32le" if name == "a.exr" else "bgr24" if name in ("a.tga", "a.sun") else "rgb24")
    media, facts = facts_of(path)
    reader = open_picture_reader(media, facts)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(RenderError, match="can't be read") as caught:
        reader.frame(0)
    assert caught.value.file == str(path)


def test_several_pictures_in_one_file_are_a_film(tmp_path: Path) -> None:
    path = tmp_path / "film.ppm"
    path.write_bytes(ffmpeg("-f", "lavfi", "-i", "testsrc2=s=64x48:d=0.2", "-f", "image2pipe", "-c:v", "ppm", "-"))
    facts = probe(Media("m", str(path)))
    assert facts.kind == "video"
    assert facts.video is not None
    assert facts.video.table is not None
    assert len(facts.video.table.pts) == 5


def test_icons_show_their_largest_picture(tmp_path: Path) -> None:
    samples = _noise(64, 64, 4)
    Image.fromarray(samples).save(tmp_path / "a.ico", sizes=[(16, 16), (64, 64), (32, 32)])
    assert np.array_equal(pixels_of(read(tmp_path / "a.ico")), samples)


@pytest.mark.parametrize("channels", [3, 4])
def test_avif(tmp_path: Path, channels: int) -> None:
    samples = _soft(90, 64, channels)
    Image.fromarray(samples).save(tmp_path / "a.avif", quality=100, subsampling="4:4:4")
    _, facts = facts_of(tmp_path / "a.avif")
    assert facts.video is not None
    assert (facts.kind, facts.video.has_alpha) == ("still", channels == 4)
    assert np.abs(pixels_of(read(tmp_path / "a.avif")).astype(int) - samples).max() <= 3


def test_avif_is_turned_as_it_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(_soft(90, 64, 3)).save(tmp_path / "a.avif", exif=exif)
    _, facts = facts_of(tmp_path / "a.avif")
    assert facts.video is not None
    assert facts.video.orientation == Orientation(1)


def test_animated_avif(tmp_path: Path) -> None:
    pictures = [_soft(90, 64, 3) // 2 + 40 * index for index in range(3)]
    images = [Image.fromarray(picture) for picture in pictures]
    path = tmp_path / "a.avif"
    images[0].save(path, save_all=True, append_images=images[1:], duration=[100, 200, 300], quality=95)
    media, facts = facts_of(path)
    assert facts.kind == "animation"
    assert facts.video is not None
    assert facts.video.table is not None
    assert (list(facts.video.table.pts), facts.video.table.end_pts) == ([0, 100, 300], 600)
    reader = open_picture_reader(media, facts)
    for pts, picture in ((300, pictures[2]), (0, pictures[0]), (100, pictures[1])):
        assert np.abs(pixels_of(reader.frame(pts))[:, :, :3].astype(int) - picture).mean() < 2


def test_hdr_pictures_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.avif"
    Image.fromarray(_soft(90, 64, 3)).save(path)
    data = path.read_bytes()
    at = data.index(b"colrnclx") + 8
    path.write_bytes(data[: at + 2] + (16).to_bytes(2, "big") + data[at + 4 :])
    with pytest.raises(SetupError, match=r"the picture is HDR \(PQ\)"):
        facts_of(path)


def test_heic_is_shown_whole_and_upright(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    samples = _soft(96, 64, 3)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = heif.from_pillow(Image.fromarray(np.rot90(samples)))
    turned.info["exif"] = exif.tobytes()
    turned.save(tmp_path / "a.heic", quality=95)
    _, facts = facts_of(tmp_path / "a.heic")
    assert facts.video is not None
    assert (facts.kind, facts.video.codec, facts.video.display_size) == ("still", "heif", (Fraction(96), Fraction(64)))
    assert np.abs(pixels_of(read(tmp_path / "a.heic")).astype(int) - samples).mean() < 3


def test_heic_without_its_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(SetupError, match="the picture is HEIC") as caught:
        facts_of(tmp_path / "a.heic")
    assert "pip install 'reelmill[heif]'" in (caught.value.suggestion or "")


def test_pictures_of_a_server_are_the_same_stills(tmp_path: Path) -> None:
    profile = tmp_path / "a.png"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(_noise(85, 62, 4)).save(profile, exif=exif)
    animated = [Image.fromarray(_soft(90, 64, 3) // (index + 1)) for index in range(2)]
    animated[0].save(tmp_path / "a.gif", save_all=True, append_images=animated[1:], duration=100)
    animated[0].save(tmp_path / "a.avif")
    names = ("a.png", "a.gif", "a.avif", make_picture(tmp_path / "a.exr", "gbrapf32le").name)
    with _Server(tmp_path) as address:
        for name in names:
            here, local = facts_of(tmp_path / name)
            there = Media("m", f"{address}/{name}")
            facts = probe(there, allow_network=True)
            assert _alike(facts) == _alike(local)
            first, second = open_picture_reader(there, facts), open_picture_reader(here, local)
            assert np.array_equal(bytes_of(first.frame(0)), bytes_of(second.frame(0)))


class _Server:
    """A server of the files of a folder."""

    def __init__(self, folder: Path) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data = (folder / self.path[1:]).read_bytes()
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever)

    def __enter__(self) -> str:
        self._thread.start()
        return f"http://127.0.0.1:{self._server.server_port}"

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _alike(facts: MediaFacts) -> tuple[object, ...]:
    assert facts.video is not None
    video = facts.video
    return facts.kind, video.codec, video.width, video.height, video.pix_fmt, video.orientation, video.has_alpha


def _noise(width: int, height: int, channels: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (height, width, channels), np.uint8)


def _soft(width: int, height: int, channels: int) -> NDArray[np.uint8]:
    """Gradients, which lossy codecs keep."""
    y, x = np.mgrid[0:height, 0:width]
    planes = (x * 2, y * 3, 255 - x - y, 40 + x + y)
    return np.stack([np.clip(plane, 0, 255) for plane in planes[:channels]], axis=2).astype(np.uint8)


def test_a_format_without_a_decoder(tmp_path: Path) -> None:
    (tmp_path / "a.jxl").write_bytes(b"\xff\x0a" + bytes(100))
    with pytest.raises(SetupError, match="pictures of the format jpegxl can't be read") as caught:
        facts_of(tmp_path / "a.jxl")
    assert "save the picture as PNG" in (caught.value.suggestion or "")
