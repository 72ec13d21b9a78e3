"""What hostile names and files can't make reelmill do: the lines of docs/internals/security.md."""

from __future__ import annotations

import json
import os
import re
import struct
import sys
import threading
import wave
from collections.abc import Callable
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from reelmill import frame, probe, render
from reelmill.cli.error_block import error_block
from reelmill.cli.github_annotations import annotation_lines
from reelmill.cli.log_lines import log_line
from reelmill.cli.main import main
from reelmill.cli.talk import printable
from reelmill.export.checks.check_page import check_page
from reelmill.export.checks.check_result import CheckResult, FrameResult, ProjectResult
from reelmill.export.checks.junit_file import junit_text
from reelmill.export.films.containers import CONTAINERS
from reelmill.export.outputs.html_text import as_html
from reelmill.planner.errors import ExportError, RenderError, SetupError
from reelmill.planner.outputs import Output
from reelmill.planner.shown_text import shown_json
from tests.support.clips import ffmpeg

links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")


def solid(path: Path, **more: Any) -> Path:
    """A film of two red frames of 16×16."""
    clip = {"id": "red", "solid": "#ff0000", "duration": 0.2}
    project = {"version": 1, "canvas": {"width": 16, "height": 16, "fps": 10}, "tracks": [{"clips": [clip]}], **more}
    path.write_text(json.dumps(project), encoding="utf-8")
    return path


@links
def test_side_files_are_not_written_through_planted_links(tmp_path: Path) -> None:
    project = solid(tmp_path / "p.json")
    precious = tmp_path / "precious"
    precious.write_text("mine")
    options = {"report": "r.json", "depfile": "f.d", "profile": "t.json", "junit": "j.xml", "html": "c.html"}
    written = {option: tmp_path / name for option, name in options.items()}
    for path in written.values():
        # A name that older versions wrote to, and the shape of today's.
        for planted in (f".{path.name}.part", f".{path.name}.000000000000.reelmill-part{path.suffix}"):
            (tmp_path / planted).symlink_to(precious)
    sides = [word for option in ("report", "depfile", "profile") for word in (f"--{option}", str(written[option]))]
    assert main(["export", str(project), str(tmp_path / "film.mkv"), "-q", *sides]) == 0
    sides = [word for option in ("junit", "html") for word in (f"--{option}", str(written[option]))]
    assert main(["check", str(project), "--golden", str(tmp_path / "golden"), "--update", "-q", *sides]) == 0
    assert precious.read_text() == "mine"
    assert all(path.is_file() and not path.is_symlink() for path in written.values())


@links
@pytest.mark.parametrize("kind", ["link", "pipe"])
def test_the_state_of_a_batch_is_a_file_of_its_own(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    solid(tmp_path / "p.json")
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("project,output\np.json,film.mkv\n")
    precious, state = tmp_path / "precious", tmp_path / ".reelmill-batch.jsonl"
    precious.write_text("mine")
    if kind == "link":
        state.symlink_to(precious)
    else:
        os.mkfifo(state)
    assert main(["batch", str(jobs), "-q"]) == 2
    assert "the state of the batch can't be read" in capfd.readouterr().err
    assert precious.read_text() == "mine"
    assert not (tmp_path / "film.mkv").exists()


@links
def test_init_with_force_replaces_a_link_and_not_what_it_points_to(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    (tmp_path / "project.json").symlink_to(precious)
    assert main(["init", str(tmp_path)]) == 2
    assert main(["init", str(tmp_path), "--force"]) == 0
    assert precious.read_text() == "mine"
    assert json.loads((tmp_path / "project.json").read_text())["version"] == 1


NAMES = ("a:b", "concat:x", "file:x", "-x", "50%", "a|b", "C:\\x")
"""What libav, shells or Windows could take for something else than a name."""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_the_name_of_an_output_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    # Relative: an absolute path can't be taken for an address.
    with wave.open("s:.wav", "wb") as sound:
        sound.setparams((1, 2, 48000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes(2 * 9600))
    tracks: list[Any] = [{"clips": [{"id": "red", "solid": "#ff0000", "duration": 0.2}]}]
    tracks += [{"kind": "audio", "clips": [{"id": "silence", "media": "s"}]}]
    project = solid(tmp_path / "p.json", media={"s": {"path": "s:.wav"}}, tracks=tracks)
    suffixes = (*CONTAINERS, ".gif", ".apng", ".webp", ".png")
    outputs = [Output(f"{name}{suffix}") for suffix in suffixes for name in NAMES[: None if suffix == ".mkv" else 1]]
    render(project, [*outputs, Output("frames:1/%02d:.png")])
    assert all(Path(output.path).stat().st_size for output in outputs)
    assert sorted(path.name for path in Path("frames:1").iterdir()) == ["00:.png", "01:.png"]
    assert main(["probe", "--conform", "8000", "--", "a:b.wav"]) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_the_name_of_an_input_is_never_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    render(solid(tmp_path / "p.json"), [*(Output(f"{name}.mkv") for name in NAMES), Output("s:/%02d%%.png")])
    media: dict[str, Any] = {f"m{number}": {"path": f"{name}.mkv"} for number, name in enumerate(NAMES)}
    media["pictures"] = {"path": "s:/%02d%%.png", "fps": 10}
    tracks = [{"clips": [{"id": name, "media": name} for name in media]}]
    shown = render(solid(tmp_path / "q.json", media=media, tracks=tracks), "film.mkv")
    assert shown.frames == 2 * len(media)
    for name in NAMES:
        assert main(["probe", "--", f"{name}.mkv"]) == 0
    # None of these is a file.
    for name in ("file:-x.mkv", "concat:-x.mkv|-x.mkv", "subfile,,start,0,end,9,,:-x.mkv", "file:///x.mkv", "pipe:0"):
        assert main(["probe", "--", name]) == 2


EVIL = "a\x1b[2J\x9b31m\u202egnp.\u2066\n::error::x##[error]y<b>\ufffe\x00é"
"""What could clear a terminal, turn text around, or be a command of GitHub, markup, or no XML."""
SHAPELESS = "\x1b\x9b\u202e\u2066\ufffe\x00"


def evil_check() -> CheckResult:
    frame = FrameResult(1, Fraction(1), (EVIL,), "missing", message=EVIL)
    failed = ProjectResult(EVIL, EVIL, error=RenderError(EVIL, component="Decoder", suggestion=EVIL))
    return CheckResult((ProjectResult(EVIL, EVIL, frames=(frame,), notes=(EVIL,), warnings=(EVIL,)), failed), False)


def evil_block() -> str:
    return error_block(SetupError(EVIL, component="Media", file=EVIL, clip=EVIL, suggestion=EVIL))


@pytest.mark.parametrize(
    "made",
    [
        lambda: printable(EVIL),
        evil_block,
        lambda: log_line("warning", EVIL),
        lambda: shown_json({EVIL: [EVIL]}),
        lambda: as_html(EVIL),
        lambda: "".join(check_page(evil_check())),
        lambda: junit_text(evil_check()),
        lambda: "\n".join(annotation_lines(evil_check())),
    ],
    ids=["printable", "error", "log", "json", "html", "check page", "junit", "github"],
)
def test_names_steer_nothing_that_shows_them(made: Callable[[], str]) -> None:
    text = made()
    assert not set(SHAPELESS) & set(text)
    assert "é" in text, "letters stay letters"


def test_json_is_the_same_data_however_it_is_shown() -> None:
    data = {EVIL: [EVIL, 1, None], "x": "\U000e0001\U0001f600\ud800"}
    assert json.loads(shown_json(data)) == data
    assert shown_json(data, indent=None).isprintable()


@pytest.mark.parametrize("text", ["::error::x", "  ::set-output name=x::y", "a ##[error]b", evil_block()])
def test_no_line_is_a_command_of_github(text: str) -> None:
    for line in (text if "\n" in text else printable(text)).splitlines():
        assert not line.strip().startswith("::")
        assert "##[" not in line


def test_annotations_of_github_are_one_line_for_each_project() -> None:
    lines = list(annotation_lines(evil_check()))
    assert [line.count("\n") for line in lines] == [0, 0]
    for line in lines:
        properties, _, _ = line.removeprefix("::error ").partition("::")
        assert [each.partition("=")[0] for each in properties.split(",")] == ["file", "title"]


def test_junit_is_xml_whatever_the_names() -> None:
    suites = ElementTree.fromstring(junit_text(evil_check()))
    assert len(suites) == 2


@pytest.mark.parametrize("name", ["x.svg", "x.svgz", "x.cube", "x.pdf", "x.html"])
def test_what_may_refer_to_other_files_is_no_medium(tmp_path: Path, name: str) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"x")
    text = f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{secret.as_uri()}" width="9" height="9"/></svg>'
    (tmp_path / name).write_text(text)
    assert main(["probe", str(tmp_path / name)]) == 2


def test_a_film_that_refers_to_another_file_is_read_from_its_own_bytes(tmp_path: Path) -> None:
    """A QuickTime film may name the file that its samples lie in (QTFF, data references)."""
    raw = ("-c:v", "rawvideo", "-pix_fmt", "rgb24", "-y")
    ffmpeg("-f", "lavfi", "-i", "color=red:s=16x16:r=5:d=1", *raw, tmp_path / "other.mov")
    ffmpeg("-f", "lavfi", "-i", "color=blue:s=16x16:r=5:d=1", *raw, tmp_path / "own.mov")
    own = (tmp_path / "own.mov").read_bytes()
    outside = alias_to(tmp_path / "other.mov")
    (tmp_path / "refers.mov").write_bytes(with_data_reference(own, outside))
    follow = ("-enable_drefs", "1", "-use_absolute_path", "1", "-i", tmp_path / "refers.mov")
    assert ffmpeg(*follow, "-f", "rawvideo", "-")[:3] > b"\xf0", "a reader that follows the reference shows red"
    frame_of = {}
    for name in ("own", "refers"):
        tracks = [{"clips": [{"media": "m", "duration": 1}]}]
        project = solid(tmp_path / f"{name}.json", media={"m": {"path": f"{name}.mov"}}, tracks=tracks)
        try:
            frame_of[name] = frame(project, 0.5, tmp_path / f"{name}.png").read_bytes()
        except ExportError:
            frame_of[name] = b"refused"
    assert frame_of["refers"] in (b"refused", frame_of["own"])


def alias_to(path: Path) -> bytes:
    """An alias record that names a file by its absolute path."""
    name = str(path).encode()
    padded = name + bytes(len(name) % 2)
    fixed = bytes(10) + bytes(28) + bytes(12) + bytes(64) + bytes(16) + struct.pack(">hh", 0, 0) + bytes(16)
    return fixed + struct.pack(">HH", 2, len(name)) + padded + struct.pack(">Hh", 0xFFFF, 0)


def with_data_reference(film: bytes, record: bytes) -> bytes:
    """The film with its samples said to lie elsewhere. Its index must come last: nothing in front of it moves."""
    entry = struct.pack(">I4sI", 12 + len(record), b"alis", 0) + record
    place = film.index(b"dref")
    size = struct.unpack_from(">I", film, place - 4)[0]
    box = struct.pack(">I4sII", 16 + len(entry), b"dref", 0, 1) + entry
    grown = bytearray(film[: place - 4] + box + film[place - 4 + size :])
    for kind in (b"moov", b"trak", b"mdia", b"minf", b"dinf"):
        at = film.rindex(kind, 0, place) - 4
        struct.pack_into(">I", grown, at, struct.unpack_from(">I", film, at)[0] + len(box) - size)
    return bytes(grown)


def test_an_address_opens_no_file_here(tmp_path: Path) -> None:
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=16x16:r=5:d=1", "-c:v", "libx264", "-y", tmp_path / "secret.ts")
    segments = f"#EXTINF:1,\n{(tmp_path / 'secret.ts').as_uri()}\n#EXT-X-ENDLIST\n"
    playlist = f"#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n{segments}".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.apple.mpegurl")
            self.send_header("Content-Length", str(len(playlist)))
            self.end_headers()
            self.wfile.write(playlist)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        address = f"http://127.0.0.1:{server.server_port}/list.m3u8"
        with pytest.raises(SetupError, match=r"can't be read|neither picture nor sound"):
            probe(address, allow_network=True)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PAGE = Path(__file__).parent.parent / "docs" / "internals" / "security.md"


def test_every_line_of_the_threat_model_has_its_test() -> None:
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    rows = [row for row in rows if not set(row) <= set("|- ") and "| test |" not in row]
    assert len(rows) > 20
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row)
        assert named, row
        for file, test in named:
            text = (PAGE.parent.parent.parent / file).read_text(encoding="utf-8")
            assert f"def {test}(" in text, f"{file} has no {test}"
