"""Devices that decode: what is chosen, what is refused, and that a device's decoder is set up as any other.

No test has a device. Where one is pretended, libav's software decoder stands in for it, set up as for a device.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from av.codec.context import CodecContext

from reelmill.cli.main import main
from reelmill.decoders.probe import probe
from reelmill.decoders.video import device_decoder, hardware_choice
from reelmill.decoders.video.device_decoder import check_device, device_kinds
from reelmill.decoders.video.hardware_choice import choose_hardware
from reelmill.decoders.video.reading import Reading
from reelmill.decoders.video.video_reader import open_video_reader
from reelmill.planner.errors import RenderError, SetupError
from reelmill.planner.hardware import DEVICE_KINDS, DeviceKind, HardwareDecoding, Hwaccel
from reelmill.planner.media import MediaFacts
from reelmill.planner.source_frames import DecodeStatistics, Frame
from reelmill.planner.timeline import Media
from tests.support.films import ffmpeg

MISSING = next(kind for kind in DEVICE_KINDS if kind not in device_kinds())
"""No build of libav knows all of them."""
CODECS = {
    "h264.mp4": ["-c:v", "libx264", "-bf", "3", "-g", "12"],
    "h264.ts": ["-c:v", "libx264", "-bf", "3", "-g", "12"],
    "hevc.mkv": ["-c:v", "libx265", "-x265-params", "log-level=none"],
    "vp9.webm": ["-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8"],
    "mpeg2.mpg": ["-c:v", "mpeg2video", "-bf", "2", "-g", "12"],
    "mpeg4.avi": ["-c:v", "mpeg4"],
    "prores.mov": ["-c:v", "prores_ks", "-pix_fmt", "yuv422p10le"],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hardware")
    for name, options in CODECS.items():
        source = ["-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=1.2"]
        ffmpeg(*source, "-pix_fmt", "yuv420p", *options, path / name)
    return path


def media_of(folder: Path, *names: str) -> tuple[dict[str, Media], dict[str, MediaFacts]]:
    media = {name: Media(name, str(folder / name)) for name in names}
    return media, {name: probe(each) for name, each in media.items()}


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """CUDA, which decodes everything but ProRes; nothing else is known."""
    monkeypatch.setattr(hardware_choice, "device_kinds", lambda: ("cuda",))
    monkeypatch.setattr(hardware_choice, "check_device", lambda device: None)
    monkeypatch.setattr(device_decoder, "_context", lambda name, device: CodecContext.create(name, "r"))
    for module in (hardware_choice, device_decoder):
        monkeypatch.setattr(module, "decoder_name", lambda codec, device: None if codec == "prores" else codec)


def choose(asked: Hwaccel, folder: Path, *names: str) -> HardwareDecoding:
    return choose_hardware(asked, *media_of(folder, *names))


def test_the_processor_decodes_where_nothing_is_asked_for(folder: Path) -> None:
    chosen = choose("none", folder, "h264.mp4")
    assert (chosen.name, chosen.reason, chosen.device_of("h264.mp4")) == ("none", None, None)


def test_a_device_that_the_build_does_not_know_is_an_error(folder: Path) -> None:
    with pytest.raises(SetupError, match=f"this build of libav can't decode on {MISSING}") as caught:
        choose(MISSING, folder, "h264.mp4")
    assert all(kind in (caught.value.suggestion or "") for kind in device_kinds())


@pytest.mark.parametrize("kind", device_kinds())
def test_a_device_that_does_not_open_is_an_error_with_what_libav_says(kind: DeviceKind, folder: Path) -> None:
    try:
        check_device(kind)
    except SetupError as error:
        said = error.message
    else:
        pytest.skip(f"this machine has {kind}")
    assert said
    with pytest.raises(SetupError) as caught:
        choose(kind, folder, "h264.mp4")
    assert caught.value.message == f"no {kind} device opens: {said}"
    assert "--hwaccel none" in (caught.value.suggestion or "")


def test_auto_without_a_device_says_why_the_processor_decodes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(device: DeviceKind) -> None:
        raise SetupError("no driver", component="HardwareDecoder")

    monkeypatch.setattr(hardware_choice, "check_device", check)
    monkeypatch.setattr(hardware_choice, "device_kinds", lambda: ("cuda", "vaapi"))
    chosen = choose("auto", folder, "h264.mp4")
    assert (chosen.name, chosen.media) == ("none", frozenset())
    assert chosen.reason == (
        "auto: the processor decodes; cuda does not open (no driver); vaapi does not open (no driver)"
    )
    assert choose("auto", folder).reason == "auto: there is no video to decode"
    monkeypatch.setattr(hardware_choice, "device_kinds", lambda: ())
    assert choose("auto", folder, "h264.mp4").reason == (
        "auto: the processor decodes; this build of libav knows no device"
    )


def test_auto_takes_the_first_device_that_decodes_anything(
    pretended: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(device: DeviceKind) -> None:
        if device == "cuda":
            raise SetupError("no driver", component="HardwareDecoder")

    monkeypatch.setattr(hardware_choice, "check_device", check)
    monkeypatch.setattr(hardware_choice, "device_kinds", lambda: ("cuda", "vaapi", "qsv"))
    chosen = choose("auto", folder, "h264.mp4", "prores.mov", "mpeg4.avi")
    assert chosen.device == "vaapi"
    assert chosen.media == {"h264.mp4", "mpeg4.avi"}
    assert chosen.device_of("prores.mov") is None
    assert chosen.reason == (
        "auto: it decodes 2 of 3 videos; the processor decodes what it can't "
        f"({folder / 'prores.mov'}: prores, yuv422p10le, 96×64: this build of libav decodes no prores on it); "
        "cuda does not open (no driver)"
    )
    assert choose("auto", folder, "prores.mov").device is None


def test_a_file_that_the_device_cant_decode_is_an_error_that_names_it(pretended: None, folder: Path) -> None:
    assert choose("cuda", folder, "h264.mp4", "mpeg4.avi").media == {"h264.mp4", "mpeg4.avi"}
    with pytest.raises(SetupError, match=r"cuda can't decode the file: prores, yuv422p10le, 96×64: .* no prores") as e:
        choose("cuda", folder, "h264.mp4", "prores.mov")
    assert e.value.file == str(folder / "prores.mov")
    assert "--hwaccel none" in (e.value.suggestion or "")


def test_a_device_that_gives_no_first_frame_is_found_before_rendering(
    pretended: None, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def wrong(codec: str, device: DeviceKind) -> str:
        return "mpeg2video"

    monkeypatch.setattr(device_decoder, "decoder_name", wrong)
    with pytest.raises(SetupError, match=r"cuda can't decode the file: h264, yuv420p, 96×64: .") as caught:
        choose("cuda", folder, "h264.mp4")
    assert caught.value.exit_code == 2


def test_alpha_is_not_left_out_silently(pretended: None, tmp_path: Path) -> None:
    ffmpeg(
        "-f", "lavfi", "-i", "testsrc2=s=64x64:r=25:d=0.2,format=yuva420p", "-c:v", "libvpx-vp9", tmp_path / "a.webm"
    )
    with pytest.raises(SetupError, match="vp9, yuva420p, 64×64: devices leave alpha out"):
        choose("cuda", tmp_path, "a.webm")


def pixels(frame: Frame) -> list[np.ndarray[tuple[int, int], np.dtype[np.uint8]]]:
    """The samples of each plane as bytes, without padding."""
    size = frame.format.bytes_per_sample
    return [
        np.frombuffer(p.data, np.uint8, p.stride_bytes * p.height).reshape(p.height, -1)[:, : p.width * size]
        for p in frame.planes
    ]


def reading_with(device: DeviceKind, name: str) -> Reading:
    return Reading(hardware=HardwareDecoding(device, None, frozenset([name])))


@pytest.mark.parametrize("name", [name for name in CODECS if not name.startswith("prores")])
def test_a_decoder_made_for_a_device_gives_the_frames_of_any_other(pretended: None, name: str, folder: Path) -> None:
    media, facts = media_of(folder, name)
    video = facts[name].video
    assert video is not None
    assert video.table is not None
    order = [*video.table.pts, *video.table.pts[::-7], *video.table.pts[5:25:9]]
    plain = open_video_reader(media[name], facts[name], DecodeStatistics())
    made = open_video_reader(media[name], facts[name], DecodeStatistics(), reading_with("cuda", name))
    try:
        for pts in order:
            for one, other in zip(pixels(plain.frame(pts)), pixels(made.frame(pts)), strict=True):
                assert np.array_equal(one, other)
    finally:
        plain.close()
        made.close()


@pytest.mark.parametrize("kind", device_kinds())
def test_a_device_that_is_gone_when_rendering_begins_is_an_error(kind: DeviceKind, folder: Path) -> None:
    try:
        check_device(kind)
    except SetupError:
        media, facts = media_of(folder, "h264.mp4")
        reading = reading_with(kind, "h264.mp4")
        with pytest.raises(RenderError, match=f"{kind} gives no decoder: |{kind} decodes no h264"):
            open_video_reader(media["h264.mp4"], facts["h264.mp4"], DecodeStatistics(), reading)
    else:
        pytest.skip(f"this machine has {kind}")


def project(folder: Path, *names: str) -> Path:
    what = {
        "version": 1,
        "canvas": {"width": 96, "height": 64, "fps": 25},
        "media": {str(n): {"path": str(folder / name)} for n, name in enumerate(names)},
        "tracks": [{"clips": [{"media": str(n), "duration": 0.4} for n in range(len(names))]}],
        "export": {"video": {"preset": "ultrafast"}},
    }
    path = folder / "project.json"
    path.write_text(json.dumps(what), encoding="utf-8")
    return path


def test_an_export_that_asks_for_what_is_not_there(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film = tmp_path / "new" / "film.mp4"
    assert main(["export", str(project(folder, "h264.mp4")), str(film), "--hwaccel", MISSING]) == 2
    assert capsys.readouterr().err.startswith(f"error: this build of libav can't decode on {MISSING}\n")
    assert not film.parent.exists()
    assert main(["export", str(project(folder, "h264.mp4")), str(tmp_path / "a.wav"), "--hwaccel", "auto"]) == 2
    assert "a.wav is sound alone, and --hwaccel concerns no other output" in capsys.readouterr().err


@pytest.mark.parametrize("system", ["v1", "v2"])
def test_what_was_chosen_is_told_and_does_the_work(
    system: str, pretended: None, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = project(folder, "h264.mp4", "prores.mov")
    why = "prores, yuv422p10le, 96×64: this build of libav decodes no prores on it"
    reason = f"auto: it decodes 1 of 2 videos; the processor decodes what it can't ({folder / 'prores.mov'}: {why})"
    films = [tmp_path / "plain.mp4", tmp_path / "device.mp4"]
    report = tmp_path / "report.json"
    assert main(["export", str(path), str(films[0]), "--system", system, "-q"]) == 0
    arguments = ["export", str(path), str(films[1]), "--system", system, "--hwaccel", "auto", "--report", str(report)]
    assert main(arguments) == 0
    assert f"hwaccel cuda: {reason}" in capsys.readouterr().err.splitlines()
    told = json.loads(report.read_text(encoding="utf-8"))
    assert (told["hwaccel"], told["hwaccel_reason"]) == ("cuda", reason)
    assert films[0].read_bytes() == films[1].read_bytes()
    assert main(["plan", str(path), "--hwaccel", "auto"]) == 0
    assert f"hwaccel cuda: {reason}" in capsys.readouterr().out.splitlines()
    assert main(["plan", str(path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["hwaccel"], told["hwaccel_reason"]) == ("none", None)
