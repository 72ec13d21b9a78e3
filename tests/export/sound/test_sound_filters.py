"""Chains of filters: what is taken, what is refused and why, and that every sample stays at its place."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from reelmill.export.sound.sound_filters import FILTERS, FilterChain, FilterError, find_faults, parse_chain
from reelmill.planner.project_file.loader import load_document
from tests.support.filtering import Floats, filtered

RATE = 48000


def noise(seconds: float, channels: int = 2, seed: int = 1, level: float = 0.1) -> Floats:
    return np.random.default_rng(seed).normal(0, level, (channels, round(seconds * RATE)))


def check_chain(chain: str, layout: str, sample_rate: int) -> None:
    if fault := find_faults([chain], layout, sample_rate).get(chain):
        raise fault


def run(chain: str, samples: Floats, *sizes: int, layout: str = "stereo") -> Floats:
    """Everything that comes out, fed in pieces of these sizes."""
    made = FilterChain(chain, layout, RATE)
    out, at, number = [], 0, 0
    while at < samples.shape[1]:
        size = sizes[number % len(sizes)] if sizes else samples.shape[1]
        out.append(made.process(samples[:, at : at + size]))
        at, number = at + size, number + 1
    return np.concatenate([*out, made.finish()], axis=1)


@pytest.mark.parametrize(
    "chain",
    [
        "highpass=f=80",
        "highpass=f=80,equalizer=f=1000:t=q:w=1:g=-6",
        "acompressor=threshold=0.05:ratio=4:attack=5:release=50",
        "volume=-6dB",
        "pan=stereo|c0=c1|c1=c0",
        "volume=volume='if(lt(t,0.5),0.25,1)':eval=frame",
        r"volume=volume=if(lt(t\,0.5)\,0.25\,1):eval=frame",
        " bass = g=6 , treble = g=-3 ",
    ],
)
def test_a_chain_does_what_ffmpeg_does_with_it(chain: str) -> None:
    samples = noise(2)
    out = run(chain, samples)
    assert out.shape == samples.shape
    assert np.abs(out - filtered(samples, chain.strip().replace(" ", ""), RATE)).max() < 1e-5
    assert np.abs(out - samples).max() > 0.01


def test_pieces_do_not_matter() -> None:
    samples = noise(1)
    chain = "afftdn,acompressor,superequalizer=1b=2"
    assert np.array_equal(run(chain, samples, 1, 777, 8192, 1024), run(chain, samples))


@pytest.mark.parametrize(
    "chain",
    [
        "alimiter=limit=1:level=0",
        "alimiter=limit=1:level=0:attack=40",
        "alimiter=limit=1:level=0:latency=1",
        "superequalizer",
        "afftdn=nr=0.01",
        "anlmdn=s=0.00001",
        "afftfilt",
        "afftfilt=win_size=512",
        "adrc",
        "adeclip",
        "dynaudnorm=f=100:g=3",
        "speechnorm",
        "alimiter=limit=1:level=0,superequalizer,adrc",
    ],
)
def test_filters_that_look_ahead_do_not_delay(chain: str) -> None:
    samples = noise(3)
    out = run(chain, samples)
    size = 2 * samples.shape[1]
    agreement = np.fft.irfft(np.conj(np.fft.rfft(samples[0], size)) * np.fft.rfft(out[0, : size // 2], size), size)
    assert int(np.argmax(agreement)) == 0
    assert out.shape[1] >= samples.shape[1]


def test_echoes_and_delays_that_are_asked_for_stay() -> None:
    samples = np.zeros((2, RATE))
    samples[:, 100] = 1
    out = run("adelay=delays=100S:all=1,aecho=1:1:50:0.5", samples)
    assert np.flatnonzero(out[0]).tolist() == [200, 200 + RATE // 20]


def test_other_channels_come_back_by_the_rules_of_the_mix() -> None:
    samples = noise(0.1)
    out = run("pan=mono|c0=c1", samples)
    assert np.array_equal(out, samples[[1, 1]])


def test_surround() -> None:
    samples = noise(0.5, 6)
    assert np.abs(run("highpass=f=200", samples, layout="5.1") - filtered(samples, "highpass=f=200", RATE)).max() < 1e-5
    with pytest.raises(FilterError, match=r"works on stereo alone, and the film has 5\.1"):
        check_chain("stereotools", "5.1", RATE)


REFUSED = [
    ("highpas=f=80", '1 of the chain, "highpas" at character 1, is no filter', 'did you mean "highpass"?'),
    ("bass, acompresor", '2 of the chain, "acompresor" at character 7, is no filter', 'did you mean "acompressor"?'),
    ("highpass=ff=80", '1 of the chain, "highpass" at character 1, is not taken by libav: No such option: ff', None),
    ("bass,highpass=f=abc", '2 of the chain, "highpass" at character 6, is not taken by libav: Undefined constant or '
     "missing '(' in 'abc'", None),
    ("bass,,treble", "2 of the chain, at character 6, is missing", None),
    ("bass,", "2 of the chain, at character 6, is missing", None),
    ("loudnorm", 'can\'t be used here', '"loudness" under "audio" of the project brings the film to a loudness'),
    ("atempo=2", "can't be used here", 'the "speed" of a clip keeps the pitch'),
    ("atrim=end=1", "can't be used here: it is none of those that turn one stream of sound into one of the same "
     "length, without files", "docs/guide/sound.md lists those that can"),
    ("pan=9.1|c0=c0", "Invalid channel layout '9.1'", None),
    ("[a]bass", '"[" at character 1: a chain has no branches', "write filters one behind the other, with commas "
     "between them"),
    ("bass;treble", '";" at character 5: a chain has no branches', "write filters one behind the other, with commas "
     "between them"),
    ("volume='1", "a quote (') is not closed", None),
]  # fmt: skip


@pytest.mark.parametrize(("chain", "message", "hint"), REFUSED)
def test_what_can_not_be_used_is_told_with_its_place(chain: str, message: str, hint: str | None) -> None:
    with pytest.raises(FilterError) as caught:
        check_chain(chain, "stereo", RATE)
    assert message in str(caught.value)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "chain",
    [
        "amovie=/etc/passwd",
        "movie=http://example.com/x.wav",
        "arnndn=m=model.rnnn",
        "sofalizer=sofa=a.sofa",
        "ladspa=file=cmt",
        "lv2=p=x",
        "asendcmd=f=commands.txt",
        "azmq",
        "ametadata=print:file=out.txt",
        "firequalizer=dumpfile=out.txt",
        "afir",
        "asr",
        "whisper=model=m",
        "anullsink",
        "abuffer",
        "aformat",
        "anullsrc",
        "aevalsrc=0",
        "volume=1,amovie=x",
    ],
)
def test_filters_that_reach_files_network_or_other_streams_are_refused(chain: str) -> None:
    with pytest.raises(FilterError):
        parse_chain(chain)


@pytest.mark.parametrize("chain", [
    r"volume=volume=while(1\,0)",
    r"volume=volume=wh\\ile (1\,0)",
    "volume=volume='w h i l e(1,0)'",
    r"volume=volume=wh\'\'ile+anything(1\,0)",
    "highpass=f='1+while(1,0)'",
    "bass,volume=1:enable='-while(1,0)'",
    "volume=volume='taylor(taylor(taylor(1,1),1),1)'",
    "volume=volume='root(root(ld(0),1),1)'",
    "volume=volume='mod(time(0),1)'",
])  # fmt: skip
def test_expressions_that_may_not_end_are_refused(chain: str) -> None:
    with pytest.raises(FilterError, match=r'"(while|taylor|root|time)" can.t be used in expressions: it ') as caught:
        parse_chain(chain)
    assert caught.value.hint == "write the value without it"


@pytest.mark.parametrize("chain", ["afade=t=in:start_time=0:d=1", "volume=volume='sqrt(0.25)*max(t,1)':eval=frame"])
def test_names_that_hold_those_of_refused_functions_are_taken(chain: str) -> None:
    check_chain(chain, "stereo", RATE)


def test_quotes_and_backslashes_are_those_of_ffmpeg() -> None:
    first, second = parse_chain(r"volume='if(gt(t,1),1,2)':eval=frame,volume=if(gt(t\,1)\,1\,2)")
    assert (first.options, first.position) == ("if(gt(t,1),1,2):eval=frame", 1)
    assert (second.options, second.position, second.number) == ("if(gt(t,1),1,2)", 37, 2)


NEEDS = {
    "aecho": "0.8:0.9:100:0.3",
    "afade": "t=in:d=1",
    "anequalizer": "c0 f=200 w=100 g=-10 t=1",
    "channelmap": "1|0",
    "chorus": "0.7:0.9:55:0.4:0.25:2",
    "pan": "stereo|c0=c0|c1=c1",
}
"""Filters that do not work without options."""


@pytest.mark.parametrize("name", sorted(FILTERS))
def test_every_listed_filter_works_and_keeps_the_length(name: str) -> None:
    samples = noise(1)
    chain = f"{name}={NEEDS[name]}" if name in NEEDS else name
    out = run(chain, samples)
    assert out.shape[0] == 2
    assert out.shape[1] >= samples.shape[1]
    assert np.isfinite(out).all()
    assert np.array_equal(run(chain, samples), out)


def test_the_page_lists_the_filters_that_can_be_used() -> None:
    page = (Path(__file__).parents[3] / "docs" / "guide" / "sound.md").read_text(encoding="utf-8")
    section = page.split("These can be used;")[1].split("`apulsator`, `crossfeed`")[0]
    assert re.findall(r"`(\w+)`", section) == sorted(FILTERS)


def test_the_example_of_the_page_loads() -> None:
    page = (Path(__file__).parents[3] / "docs" / "guide" / "sound.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```json\n(.*?)```", page, flags=re.DOTALL)
    media = {"speech": {"path": "speech.wav"}, "music": {"path": "music.wav"}}
    canvas = {"width": 64, "height": 64, "fps": 25}
    loaded = load_document(json.dumps({**json.loads(example), "media": media, "canvas": canvas}), Path("/films"), {})
    tracks = loaded.timeline.root.tracks
    chains = [loaded.timeline.master.filters, tracks[0].audio.filters, tracks[0].clips[0].audio.filters]
    for chain in chains:
        assert chain is not None
        check_chain(chain, "stereo", RATE)
