"""Parameter sets and NAL units of H.264, against what ffmpeg's `trace_headers` reads."""

from __future__ import annotations

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import av
import pytest

from reelmill.decoders.video.h264_headers import (
    PICTURE,
    SEQUENCE,
    HeaderError,
    configuration,
    join_units,
    nal_type,
    parameter_sets,
    read_sequence,
    set_name,
    split_units,
    unit_types,
)
from tests.support.clips import ClipRecipe, make_clip

X264 = ("-c:v", "libx264", "-preset", "ultrafast")
HRD = "nal-hrd=vbr:vbv-maxrate=800:vbv-bufsize=800"
RECIPES = [
    ClipRecipe("plain.mp4", (*X264, "-pix_fmt", "yuv420p"), frames=8),
    ClipRecipe(
        "deep.mp4", (*X264, "-pix_fmt", "yuv420p10le", "-bf", "3", "-refs", "4"), Fraction(24000, 1001), frames=8
    ),
    ClipRecipe("full.mkv", (*X264, "-pix_fmt", "yuv444p"), frames=8),
    ClipRecipe("lists.mp4", (*X264, "-pix_fmt", "yuv420p", "-x264-params", f"cqm=jvt:{HRD}:8x8dct=1"), frames=8),
    ClipRecipe("fields.ts", (*X264, "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct", "-aspect", "5:3"), frames=8),
    ClipRecipe(
        "ids.mp4", (*X264, "-pix_fmt", "yuv420p", "-x264-params", "sps-id=17", "-color_primaries", "bt709"), frames=8
    ),
]


def traced(path: Path) -> dict[str, int]:
    """The first value of each field of the parameter sets, as ffmpeg reads them."""
    command = ["ffmpeg", "-v", "trace", "-i", str(path), "-c", "copy", "-bsf:v", "h264_mp4toannexb,trace_headers"]
    told = subprocess.run([*command, "-f", "null", "-"], capture_output=True, text=True, check=True).stderr
    found: dict[str, int] = {}
    for name, value in re.findall(r"^\[trace_headers.*?\] \d+ +(\w+) .*= (-?\d+)$", told, re.MULTILINE):
        found.setdefault(name, int(value))
    return found


def extradata(path: Path) -> bytes:
    with av.open(str(path)) as container:
        return container.streams.video[0].codec_context.extradata or b""


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_sequence_headers(tmp_path_factory: pytest.TempPathFactory, recipe: ClipRecipe) -> None:
    path = make_clip(tmp_path_factory, recipe)
    expected = traced(path)
    _, sets = parameter_sets(extradata(path))
    (sequence,) = (unit for unit in sets if nal_type(unit) == SEQUENCE)
    found = read_sequence(sequence)
    assert (found.profile, found.level) == (expected["profile_idc"], expected["level_idc"])
    assert found.id == expected["seq_parameter_set_id"]
    assert found.chroma_format == expected.get("chroma_format_idc", 1)
    assert found.luma_bits == 8 + expected.get("bit_depth_luma_minus8", 0)
    assert found.chroma_bits == 8 + expected.get("bit_depth_chroma_minus8", 0)
    assert found.progressive == bool(expected["frame_mbs_only_flag"])
    assert found.frame_rate == Fraction(expected["time_scale"], 2 * expected["num_units_in_tick"])
    assert found.reorder == expected["max_num_reorder_frames"]
    names = {set_name(unit) for unit in sets}
    assert names == {(SEQUENCE, found.id), (PICTURE, expected["pic_parameter_set_id"])}


@pytest.mark.parametrize("name", ["plain.mp4", "deep.mp4", "full.mkv"])
def test_a_configuration_is_written_as_a_muxer_writes_it(tmp_path_factory: pytest.TempPathFactory, name: str) -> None:
    path = make_clip(tmp_path_factory, next(recipe for recipe in RECIPES if recipe.name == name))
    written = extradata(path)
    length_bytes, sets = parameter_sets(written)
    assert length_bytes == 4
    assert configuration(sets, sets) == written


def test_a_configuration_tells_the_highest_profile_and_level(tmp_path_factory: pytest.TempPathFactory) -> None:
    plain, deep = (parameter_sets(extradata(make_clip(tmp_path_factory, recipe)))[1] for recipe in RECIPES[:2])
    record = configuration(plain, [*plain, *deep])
    headers = [read_sequence(sets[0]) for sets in (plain, deep)]
    assert record[1] == max(header.profile for header in headers)
    assert record[2] == headers[0].constraints & headers[1].constraints
    assert record[3] == max(header.level for header in headers)
    assert parameter_sets(record)[1] == plain


def test_units_are_told_apart_by_lengths_and_by_start_codes() -> None:
    units = [b"\x67\x01\x02", b"\x68\x00\x03", b"\x65" + bytes(300) + b"\x80"]
    assert split_units(join_units(units), 4) == units
    stream = b"\0\0\0\1" + units[0] + b"\0\0\1" + units[1] + b"\0\0\0\1\x65\x88\0\0"
    assert split_units(stream, None) == [units[0], units[1], b"\x65\x88"]
    short = b"".join(len(unit).to_bytes(2, "big") + unit for unit in units)
    assert split_units(short, 2) == units
    assert list(unit_types(memoryview(short), 2)) == [7, 8, 5]
    assert list(unit_types(memoryview(stream), None)) == [7, 8, 5]


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda: split_units(b"\0\0\0\5abc", 4), "longer than its packet"),
        (lambda: list(unit_types(memoryview(b"\0\0\0\5abc"), 4)), "longer than its packet"),
        (lambda: read_sequence(b"\x67\x64\0"), "breaks off"),
        (lambda: read_sequence(b"\x67\x64\0\x0a" + bytes(20)), "too long"),
        (lambda: parameter_sets(b"\1\x64\0\x0a\xff\xe1\0\x20\x67"), "breaks off"),
        (lambda: parameter_sets(b"\1\x64\0\x0a\xff"), "breaks off"),
        (lambda: nal_type(b""), "empty"),
    ],
)
def test_broken_headers_are_errors(read: object, message: str) -> None:
    assert callable(read)
    with pytest.raises(HeaderError, match=message):
        read()
