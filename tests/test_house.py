"""The house: which room may import what, what loads when, what is pinned, and that versions agree."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = {
    "cli": {"cli", "export", "planner"},
    "export": {"export", "decoders", "compositor", "planner"},
    "decoders": {"decoders", "planner"},
    "compositor": {"compositor", "planner"},
    "planner": {"planner"},
}
"""The top-level folders, and those whose modules each may import. The root of the package is apart."""
WINGS: dict[str, set[str]] = {
    "planner": {"process"},
    "planner/copying": {"", "pictures", "scheduling"},
    "planner/contents": {"", "fields"},
    "planner/document": {"", "contents", "effects", "fields"},
    "planner/effects": {"", "fields"},
    "planner/fields": {"", "templates"},
    "planner/pictures": {"", "contents"},
    "planner/process": set(),
    "planner/project_file": {"", "contents", "document", "fields", "process", "templates", "timelines"},
    "planner/scheduling": {"", "pictures", "timelines"},
    "planner/sound": {""},
    "planner/templates": {""},
    "planner/timelines": {""},
    "decoders": {"files", "frames", "shared", "sound", "stills", "video"},
    "decoders/files": set(),
    "decoders/frames": set(),
    "decoders/listening": {"files", "sound", "system"},
    "decoders/shared": {"video"},
    "decoders/sound": {"files", "shared"},
    "decoders/stills": {"files", "frames"},
    "decoders/system": set(),
    "decoders/video": {"files", "frames", "stills", "system"},
    "compositor": {"contents", "drawing", "effects", "opengl"},
    "compositor/contents": {"drawing"},
    "compositor/drawing": set(),
    "compositor/effects": {"", "opengl"},
    "compositor/opengl": set(),
}
"""The rooms of three folders, and what each may import of its own folder: other rooms, or its top (an empty name)."""
FENCES = {
    "click": {"cli"},
    "rich": {"cli"},
    "moderngl": {"compositor"},
    "glcontext": {"compositor"},
    "av": {"decoders", "export"},
    "PIL": {"decoders", "compositor", "export"},
    "pillow_heif": {"decoders"},
    "fontTools": {"compositor"},
    "librosa": {"decoders"},
    "font_source_sans_pro": {"compositor"},
    "pysubs2": {"export"},
    "pydantic": {"planner"},
    "pytest": {"export"},
    "pydantic_core": {"planner"},
    "numpy": {"cli", "export", "decoders", "compositor"},
}
HEAVY = ("numpy", "av", "moderngl", "PIL")
MAX_LINES = 500
SHADERS = {"compositor/shaders"}
ROOT_OF_PACKAGE = ROOT / "export" / "interface"
SOURCES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))
MODULES = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in SOURCES}


def imported(path: Path) -> Iterator[tuple[int, str]]:
    """Line and first name of every import of a file, also of those inside functions. Ours count by their folder."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module or ""]
        else:
            continue
        yield from ((node.lineno, name.removeprefix("reelmill.").partition(".")[0]) for name in names)


def imported_modules(path: Path) -> set[str]:
    """Our modules that a file imports, without `reelmill.`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reelmill."):
            module = (node.module or "").removeprefix("reelmill.")
            found |= {name if (name := f"{module}.{alias.name}") in MODULES else module for alias in node.names}
    return found & set(MODULES)


def wing_of(module: str) -> str:
    """`planner/sound` for `planner.sound.sound_cues`, `planner` for `planner.clock`."""
    return "/".join(module.split(".")[:-1][:2])


@pytest.mark.parametrize("room", ROOMS)
def test_imports_go_one_way_and_stay_behind_the_fences(room: str) -> None:
    wrong = []
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] != room or path.parent == ROOT_OF_PACKAGE:
            continue
        for line, name in imported(path):
            allowed = name in ROOMS[room] or room in FENCES.get(name, ()) or name in sys.stdlib_module_names
            if not allowed:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert not wrong


@pytest.mark.parametrize("wing", WINGS)
def test_rooms_of_a_folder_import_only_those_that_are_named(wing: str) -> None:
    top = wing.partition("/")[0]
    used = {
        wing_of(other).partition("/")[2]
        for module, path in MODULES.items()
        if wing_of(module) == wing
        for other in imported_modules(path)
        if other.split(".")[0] == top and wing_of(other) != wing
    }
    assert used == WINGS[wing], "an arrow that is not used any more goes, a new one needs a reason"


def test_every_room_has_its_arrows_named() -> None:
    folders = {name.partition("/")[0] for name in WINGS}
    assert set(WINGS) == {wing_of(module) for module in MODULES if module.split(".")[0] in folders} - SHADERS


NAMED_TWICE = {
    "batch": "a command, and the function of its name in Python",
    "check": "a command, and the function of its name in Python",
    "frame": "a command, and the function of its name in Python",
    "plan": "a command, and the function of its name in Python",
    "probe": "a command, and the function of its name in Python",
    "validate": "a command, and the function of its name in Python",
}
"""Public names that two modules may define, with the reason."""


def test_a_public_name_means_one_thing() -> None:
    places: dict[str, list[str]] = {}
    for module, path in MODULES.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(module)
    twice = {name: modules for name, modules in places.items() if len(modules) > 1}
    assert twice.keys() == NAMED_TWICE.keys(), twice


def test_a_file_name_stands_once_in_the_rooms_but_for_the_two_halves_of_an_effect_or_content() -> None:
    places: dict[str, list[str]] = {}
    for path in SOURCES:
        if not path.name.startswith("__") and path.name != "catalogue.py":
            places.setdefault(path.name, []).append(str(path.parent.relative_to(ROOT)))
    twice = {name: set(folders) for name, folders in places.items() if len(folders) > 1}
    for name, folders in twice.items():
        assert {folder.partition("/")[0] for folder in folders} == {"planner", "compositor"}, name
        assert len({folder.partition("/")[2] for folder in folders}) == 1, name


def test_no_modules_import_each_other_in_a_circle() -> None:
    left = {module: imported_modules(path) - {module} for module, path in MODULES.items()}
    while free := [module for module, others in left.items() if not others & set(left)]:
        for module in free:
            del left[module]
    assert not left


def test_no_room_imports_the_tests_or_the_examples() -> None:
    assert not [path for path in SOURCES for _, name in imported(path) if name in ("tests", "examples")]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= MAX_LINES
    assert ast.get_docstring(ast.parse(text)), "a module begins with a docstring"


WRITERS = {
    "export/batches/batch_state.py": "appends to a regular file of its own",
    "export/checks/check_film.py": "into a temporary folder",
    "export/checks/golden_store.py": "into a part folder",
    "export/films/movie_file.py": "to the part file of an output",
    "export/films/playlist_output.py": "into a part folder",
    "export/films/segment_files.py": "into a part folder",
    "export/outputs/part_file.py": "the room for it",
    "export/outputs/target_checks.py": "syncs part files",
    "export/pictures/animation_file.py": "to the part file of an output",
    "export/pictures/apng_animation.py": "to the part file of an output",
    "export/pictures/contact_sheet.py": "to the part file of an output",
    "export/pictures/picture_writer.py": "to part files and into part folders",
    "export/pictures/picture_scratch.py": "to a file in memory",
    "export/pictures/picture_sequence.py": "into a part folder",
    "export/pictures/poster.py": "to the part file of an output",
    "export/pictures/webp_animation.py": "to the part file of an output",
    "export/sound/coded_sound.py": "to a nameless file",
    "decoders/listening/sound_conform.py": "to the part file of an output",
    "decoders/listening/sound_listening.py": "into a temporary folder",
}
"""Modules that write to files, and why they need no part file of their own."""


def written_lines(path: Path) -> Iterator[int]:
    """Lines of a module that open a file for writing."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            given = [*node.args, *(word.value for word in node.keywords if word.arg == "mode")]
            words = [each.value for each in given if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            to_write = any(re.fullmatch(r"[rwaxb+t]+", word) and set(word) & set("wax+") for word in words)
            if name in ("write_text", "write_bytes") or (name in ("open", "fdopen") and to_write):
                yield node.lineno


def test_files_are_written_under_names_that_nobody_can_foresee() -> None:
    writers = {path.relative_to(ROOT).as_posix() for path in SOURCES if any(written_lines(path))}
    assert writers == set(WRITERS), "write through export.outputs.part_file, or say why not"


def loaded_after(code: str) -> set[str]:
    """Which of the heavy libraries a fresh Python has loaded after running that code."""
    program = f"import sys\n{code}\nprint('loaded', *[name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["export", "--help"], ["shell-hook"], ["schema"]])
def test_commands_that_need_no_media_load_no_media_library(arguments: list[str]) -> None:
    assert loaded_after(f"from reelmill.cli.main import main\nassert main({arguments!r}) == 0") == set()


def test_validate_tells_a_syntax_error_without_the_media_libraries(tmp_path: Path) -> None:
    project = tmp_path / "project.json"
    project.write_text('{"version": 1,', encoding="utf-8")
    code = f"from reelmill.cli.main import main\nassert main(['validate', {str(project)!r}]) == 2"
    assert loaded_after(code) == set()


def test_that_check_would_notice() -> None:
    assert loaded_after("import reelmill.export.rendering.film_rendering") == set(HEAVY)


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def test_versions_agree() -> None:
    assert settings()["project"]["version"] == version("reelmill")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## .*\b({re.escape(version('reelmill'))}|unreleased)\b", changelog, re.I | re.M)


def name_of(requirement: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match
    return re.sub(r"[-_.]+", "-", match[0]).lower()


def test_everything_that_is_installed_is_pinned_and_pins_hold_no_addresses() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.]*", pin) for pin in pins)
    project = settings()
    wanted = [
        *project["project"]["dependencies"],
        *chain.from_iterable(project["project"]["optional-dependencies"].values()),
        *project["build-system"]["requires"],
    ]
    assert {name_of(requirement) for requirement in wanted} <= {name_of(pin) for pin in pins}


def test_every_room_is_in_the_wheel() -> None:
    setuptools = settings()["tool"]["setuptools"]
    folders = {path.parent for path in SOURCES} - {ROOT_OF_PACKAGE}
    rooms = {"reelmill." + ".".join(folder.relative_to(ROOT).parts) for folder in folders}
    assert {"reelmill", *rooms} == set(setuptools["packages"])
    assert setuptools["package-dir"] == {"reelmill": "export/interface"} | {f"reelmill.{room}": room for room in ROOMS}


def test_threads_start_in_one_place() -> None:
    """planner.threads says why one can't start, and lets whoever closes things join those that did not."""
    raw = re.compile(r"\bthreading\.Thread\(|\bThreadPoolExecutor\b|from threading import .*\bThread\b")
    found = {str(path.relative_to(ROOT)) for path in SOURCES if raw.search(path.read_text(encoding="utf-8"))}
    assert found == {"planner/process/exhaustion.py", "planner/process/thread_pool.py"}


def test_the_pages_name_files_that_exist() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = re.compile(r"`((?:cli|export|planner|decoders|compositor|tests)/[\w/.-]+?\.(?:py|glsl|md))\b")
    wrong = [
        f"{page.relative_to(ROOT)}: {path}"
        for page in pages
        if page.name != "CHANGELOG.md"
        for path in named.findall(page.read_text(encoding="utf-8"))
        if not (ROOT / path).exists() and "sepia" not in path and "checker" not in path
    ]
    assert not wrong
