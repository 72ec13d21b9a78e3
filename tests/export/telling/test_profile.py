"""Profiles: what a trace holds, that Perfetto's rules hold for it, and the sentence that names the bottleneck."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from reelmill.cli.main import main
from reelmill.export.outputs.text_file import write_text_file
from reelmill.export.telling.bottleneck import ExportTime, ThreadTime, bottleneck
from reelmill.export.telling.profile import Profile, write_profile
from reelmill.planner.errors import RenderError
from reelmill.planner.tracing import NO_TRACE
from tests.support.films import ffmpeg

Event = dict[str, Any]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that goes on by a millisecond whenever somebody looks."""
    ticks = count(1_000_000, 1_000_000)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))


def trace(profile: Profile, sentence: str | None = None) -> dict[str, Any]:
    read: dict[str, Any] = json.loads("".join(profile.lines(sentence)))
    return read


def complete(events: list[Event]) -> list[tuple[Any, ...]]:
    return [(e["name"], e["ts"], e["dur"], e["args"]) for e in events if e["ph"] == "X"]


def test_spans_and_levels_become_events(clock: None) -> None:
    profile = Profile()  # 1 ms
    with profile.span("frame", 7):  # 2
        with profile.span("composite", 7), profile.span("wait for frame", 7, "opening"):  # 3, 4 to 5, 6
            pass
        profile.level("encode queue", 3)  # 7
    found = trace(profile, "so it is")  # 8
    assert found["otherData"]["bottleneck"] == "so it is"
    events = found["traceEvents"]
    assert complete(events) == [
        ("frame", 1000.0, 6000.0, {"frame": 7}),
        ("composite", 2000.0, 3000.0, {"frame": 7}),
        ("wait for frame", 3000.0, 1000.0, {"frame": 7, "clip": "opening"}),
    ]
    assert [e["cat"] for e in events if e["ph"] == "X"] == ["work", "work", "wait"]
    level = next(e for e in events if e["ph"] == "C")
    assert (level["name"], level["ts"], level["args"]) == ("encode queue", 6000.0, {"pictures": 3})


def test_time_in_a_stage_is_without_what_lies_in_it(clock: None) -> None:
    profile = Profile()
    with profile.span("frame"):  # 2 to 9
        with profile.span("composite"), profile.span("wait for frame"):  # 3, 4 to 5, 6
            pass
        with profile.span("readback"):  # 7 to 8
            pass
    seconds = profile.time().named("render").seconds
    assert seconds == pytest.approx(
        {"frame": 0.003, "composite": 0.002, "wait for frame": 0.001, "readback": 0.001}, abs=1e-9
    )


def test_threads_are_told_apart_also_where_the_system_uses_an_identifier_again() -> None:
    profile = Profile()

    def work() -> None:
        with profile.span("decode"):
            pass

    for name in ("decode a.mp4", "decode b.mp4"):
        thread = threading.Thread(target=work, name=name)
        thread.start()
        thread.join()
    names = {e["args"]["name"]: e["tid"] for e in trace(profile)["traceEvents"] if e["name"] == "thread_name"}
    assert set(names) == {"render", "decode a.mp4", "decode b.mp4"}
    assert len(set(names.values())) == 3


def test_a_span_ends_where_it_is_left_by_an_error() -> None:
    profile = Profile()
    with pytest.raises(KeyError), profile.span("plan", 3):
        raise KeyError
    assert [name for name, *_ in complete(trace(profile)["traceEvents"])] == ["plan"]


def test_without_a_profile_nothing_is_made() -> None:
    assert NO_TRACE.span("decode", 3, "a clip") is NO_TRACE.span("encode")
    assert not NO_TRACE.enabled


def spent(cores: int = 4, cpu: float = 10.0, **threads: dict[Any, float]) -> ExportTime:
    """Ten seconds; the file's name of a decode thread stands after the underscore."""
    times = tuple(ThreadTime(name.replace("_", " ", 1), seconds) for name, seconds in threads.items())
    return ExportTime(10.0, cpu, cores, times)


@pytest.mark.parametrize(
    ("spent_on", "sentence"),
    [
        (
            spent(
                render={"wait for room": 6.0, "wait for encoder": 0.1, "composite": 2.0},
                encode={"encode": 9.0, "mux": 0.3, "mix sound": 0.1},
            ),
            "encoding bounds this export: the encode thread was busy 94% of the time, and the render thread waited 61% "
            "of it for room in its queue or for its end",
        ),
        (
            spent(render={"wait for encoder": 9.0}, encode={"mix sound": 8.0, "encode": 1.0}),
            "mixing sound bounds this export: the encode thread was busy 90% of the time (80% with sound to mix), and "
            "the render thread waited 90% of it for room in its queue or for its end",
        ),
        (
            spent(render={"wait for room": 6.0}, encode_small={"encode": 3.0}, encode_film={"encode": 9.0}),
            "encoding bounds this export: the busiest encode thread, that of film, was busy 90% of the time, and the "
            "render thread waited 60% of it for room in its queue or for its end",
        ),
        (
            spent(
                render={"wait for frame": 7.0, "composite": 1.0},
                decode_a={"decode": 2.0},
                decode_b={"decode": 9.5, "wait for core": 0.2},
            ),
            "decoding bounds this export: the render thread waited 70% of the time for frames, and the busiest of 2 "
            "decode threads, that of b, decoded 95% of it",
        ),
        (
            spent(
                render={"composite": 5.0, "readback": 2.0, "pass through": 0.5, "frame": 0.1},
                encode={"wait for picture": 4.0, "encode": 5.0},
            ),
            "compositing bounds this export: it took 76% of the time (composite 50%, readback 20%, copying untouched "
            "frames 5%), and the encode thread waited 40% of it for pictures",
        ),
        (
            spent(render={"open": 8.0, "composite": 1.0}, cores=2, cpu=19.0),
            "opening and checking the project bounds this export: it took 80% of the time; all 2 cores were busy 95% "
            "of it, so that every stage slows the others down",
        ),
        (spent(render={"plan": 8.0}), "planning bounds this export: it took 80% of the time"),
    ],
    ids=["encoder", "sound", "encoders", "decoders", "drawing", "opening", "planning"],
)
def test_the_sentence(spent_on: ExportTime, sentence: str) -> None:
    assert bottleneck(spent_on) == sentence


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two videos on top of each other, one of them untouched for a while, and sound."""
    folder = tmp_path_factory.mktemp("profiled")
    for name, source in (("a", "testsrc2"), ("b", "mandelbrot")):
        made = ["-f", "lavfi", "-i", f"{source}=s=160x90:r=25", "-t", "2", "-pix_fmt", "yuv420p"]
        # The colours of the output, so that frames go through untouched.
        tags = ["-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709", "-color_range", "tv"]
        ffmpeg(*made, *tags, folder / f"{name}.mp4")
    ffmpeg("-f", "lavfi", "-i", "sine=d=2", folder / "c.wav")
    clip = {"id": "inset", "media": "b", "start": 1, "duration": 1, "transform": {"scale": 0.5, "rotation": 10}}
    what = {
        "version": 1,
        "canvas": {"width": 160, "height": 90, "fps": 25, "duration": 2},
        "media": {name: {"path": f"{name}.{suffix}"} for name, suffix in (("a", "mp4"), ("b", "mp4"), ("c", "wav"))},
        "tracks": [
            {"clips": [{"id": "base", "media": "a", "duration": 2}]},
            {"clips": [clip]},
            {"kind": "audio", "clips": [{"id": "bed", "media": "c", "duration": 2}]},
        ],
        "export": {"video": {"preset": "ultrafast"}},
    }
    path = folder / "project.json"
    path.write_text(json.dumps(what), encoding="utf-8")
    return path


@pytest.mark.parametrize("system", ["v1", "v2"])
def test_a_real_export(system: str, project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, path, report = tmp_path / "film.mp4", tmp_path / "deep" / "trace.json", tmp_path / "report.json"
    arguments = ["export", str(project), str(film), "--system", system]
    assert main([*arguments, "--profile", str(path), "--report", str(report)]) == 0
    found = json.loads(path.read_text(encoding="utf-8"))
    told = json.loads(report.read_text(encoding="utf-8"))
    sentence = told["bottleneck"]
    assert "bounds this export: " in sentence
    assert found["otherData"]["bottleneck"] == sentence
    assert f"bottleneck: {sentence}" in capsys.readouterr().err.splitlines()
    events = found["traceEvents"]
    names = check_rules(events, told["wall_seconds"])
    decoders = {"decode a.mp4", "decode b.mp4"} if system == "v2" else {"decode ahead_0"}
    assert set(names) == {"render", "encode", *decoders}

    stages = {name: {e["name"] for e in events if e["ph"] == "X" and e["tid"] == tid} for name, tid in names.items()}
    assert {"open", "plan", "frame", "pass through", "composite", "wait for room", "wait for encoder"} < stages[
        "render"
    ]
    assert {"encode", "mux", "mix sound", "wait for picture"} == stages["encode"]
    drawn = {e["args"]["frame"] for e in events if e["name"] == "composite"}
    assert drawn == set(range(25, 50))
    assert [e["args"]["frame"] for e in events if e["name"] == "frame"] == list(range(50))
    clips = {e["args"].get("clip") for e in events if e["name"] == "wait for frame"}
    assert clips <= {"base", "inset"}
    assert {e["name"] for e in events if e["ph"] == "C"} == {
        "encode queue",
        *(["frame cache"] if system == "v2" else []),
    }

    assert main([*arguments, "--force"]) == 0
    assert "bottleneck" not in capsys.readouterr().err


def check_rules(events: list[Event], wall_seconds: float) -> dict[str, int]:
    """What a reader of the format relies on. Returns the threads: identifier by name."""
    assert {e["ph"] for e in events} == {"M", "X", "C"}
    assert len({e["pid"] for e in events}) == 1
    names = {e["args"]["name"]: e["tid"] for e in events if e["name"] == "thread_name"}
    spans = defaultdict(list)
    for event in events:
        if event["ph"] == "M":
            continue
        assert event["tid"] in names.values()
        assert 0 <= event["ts"] <= wall_seconds * 1.05e6
        if event["ph"] == "X":
            assert event["dur"] >= 0
            spans[event["tid"]].append((event["ts"], event["ts"] + event["dur"]))
        else:
            assert all(isinstance(value, int) and value >= 0 for value in event["args"].values())
    for of_thread in spans.values():
        assert sum(outermost(of_thread)) <= wall_seconds * 1.05e6
    return names


def outermost(spans: list[tuple[float, float]]) -> Iterator[float]:
    """Lengths of those that lie in no other. Fails where two overlap without one lying in the other."""
    slack = 1e-3  # sums of decimal fractions
    around: list[float] = []
    for began, ended in sorted(spans, key=lambda span: (span[0], -span[1])):
        while around and around[-1] <= began + slack:
            around.pop()
        if around:
            assert ended <= around[-1] + slack
        else:
            yield ended - began
        around.append(ended)


def test_profiling_changes_no_byte_of_the_film(project: Path, tmp_path: Path) -> None:
    films = [tmp_path / "plain.mp4", tmp_path / "profiled.mp4"]
    for film, more in zip(films, ([], ["--profile", str(tmp_path / "trace.json")]), strict=True):
        assert main(["export", str(project), str(film), "-q", *more]) == 0
    assert films[0].read_bytes() == films[1].read_bytes()


def test_a_failed_export_is_profiled_up_to_its_failure(tmp_path: Path) -> None:
    path = tmp_path / "trace.json"
    project = tmp_path / "project.json"
    project.write_text('{"version": 1', encoding="utf-8")
    assert main(["export", str(project), str(tmp_path / "film.mp4"), "-q", "--profile", str(path)]) == 2
    found = json.loads(path.read_text(encoding="utf-8"))
    assert found["otherData"]["bottleneck"] is None
    assert [name for name, *_ in complete(found["traceEvents"])] == ["open"]


def test_a_profile_replaces_profiles_alone(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, film = tmp_path / "trace.json", tmp_path / "film.mp4"
    write_profile(path, Profile(), None)
    assert main(["export", str(project), str(film), "-q", "--range", "0..1", "--profile", str(path)]) == 0
    path.write_text("{}", encoding="utf-8")
    for other, why in (
        (path, "would replace a file that is no profile"),
        (film, "is a file that the export itself reads or writes"),
        (tmp_path, "is a folder"),
    ):
        assert main(["export", str(project), str(film), "--force", "--profile", str(other)]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"error: the profile {other} {why}\n")
        assert "hint: name another file after --profile" in err
    assert path.read_text(encoding="utf-8") == "{}"


def test_a_profile_that_cant_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(RenderError, match="the profile can't be written"):
        write_profile(tmp_path / "file" / "trace.json", Profile(), None)


def test_text_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "text"
    write_text_file(path, ["eins, ", "zwei, ", "drei…"])
    assert path.read_text(encoding="utf-8") == "eins, zwei, drei…"

    def breaks_off() -> Iterator[str]:
        yield "half"
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_text_file(path, breaks_off())
    assert path.read_text(encoding="utf-8") == "eins, zwei, drei…"
    assert list(path.parent.iterdir()) == [path]
