"""Faults seeded into a film are found at default settings, and an encoder's noise is none (docs/guide/check.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reelmill.export.opening.job import ExportOptions, SystemChoice
from reelmill.planner.checks import RENDERER
from tests.support.check_faults import FAULTS, Workplace, faulty, film

PAGE = (Path(__file__).parents[1] / "docs" / "guide" / "check.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    found = Workplace(tmp_path_factory.mktemp("faults"))
    found.set_up()
    return found


def documented(row: str) -> list[str]:
    """The last three cells of a row: found or passes, exact, renderer, encoder."""
    match = re.search(rf"^\| {re.escape(row)} \|.*$", PAGE, re.MULTILINE)
    assert match, (
        f"docs/guide/check.md has no row {row!r}: python -m tests.support.check_faults --docs docs/guide/check.md"
    )
    return [cell.strip() for cell in match[0].strip("|").split("|")][-3:]


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_found_at_default_settings(place: Workplace, name: str) -> None:
    found = place.checked(faulty(name))
    assert found.status == "different"
    assert documented(name)[0] == "found"
    message = found.sound.message if found.sound else ""
    if name == "sound 10 ms late":
        assert not [each for each in found.frames if each.status != "same"]
        assert message == "10.0 ms late, first at 0.1 s"
    elif name == "sound 0.5 dB louder":
        assert not [each for each in found.frames if each.status != "same"]
        assert message == "0.50 dB louder, first at 0.1 s"
    elif name == "one wrong frame at a cut":
        assert [each.frame for each in found.frames if each.status == "different"] == [29]
    elif name == "the last frame missing":
        assert found.facts == ("the film is 59 frames long, where 60 are stored",)
        assert [each.frame for each in found.frames if each.status == "gone"] == [59]


def test_an_encoder_s_noise_is_none(place: Workplace) -> None:
    for crf in (18, 23):
        found = place.checked(film(crf), encoded=True)
        assert found.differences == []
        assert documented(f"no fault, encoded with crf {crf}")[2] == "passes"
        assert {each.status for each in found.frames} == {"close"}  # there is noise
        assert found.tolerance.name == "encoder"


def test_a_fault_is_found_through_the_encoder(place: Workplace) -> None:
    for name in ("one wrong frame at a cut", "the last frame missing"):
        assert place.checked(faulty(name), encoded=True).status == "different"
        assert documented(name)[2] == "found"


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_the_table_is_right(place: Workplace, name: str) -> None:
    renderer = place.checked(faulty(name), tolerance=RENDERER)
    encoder = place.checked(faulty(name), encoded=True)
    told = ["found" if each.differences else "passes" for each in (renderer, encoder)]
    assert documented(name)[1:] == told


@pytest.mark.slow
@pytest.mark.parametrize("system", ["v1", "v2"])
def test_what_was_just_stored_passes_exactly_20_times(place: Workplace, system: SystemChoice) -> None:
    for _ in range(20):
        found = place.checked(film(), export=ExportOptions(system=system))
        assert (found.system, found.status, found.tolerance.name) == (system, "passed", "exact")
        assert {each.status for each in found.frames} == {"same"}
        assert found.sound is not None
        assert found.sound.status == "same"
