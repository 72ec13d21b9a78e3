"""The shell hook: the literal `export project.json film.mp4` works, and the builtin keeps every meaning it had.

Each statement runs in a shell of its own, once plain and once with the hook: what it prints must be the same.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reelmill.cli.shell_hook import HOOK

needs_zsh = pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
STATEMENTS = {
    "plain": "export X=1; declare -p X; bash -c 'echo $X'",
    "no splitting of variables": "Y='a  b'; export X=$Y; declare -p X",
    "no globbing": "cd /; export X=*; declare -p X",
    "no splitting of commands": "export X=$(printf 'a  b\\nc'); declare -p X",
    "tilde": "export X=~/a:~/b; declare -p X",
    "several": "export X=1 Y='2 3' Z; declare -p X Y",
    "array": "export X=(1 '2 3' $HOME); declare -p X",
    "map": "declare -A X; export X=([k]='v w'); declare -p X",
    "append": "X=a; export X+=b; declare -p X",
    "local": "f() { local X=5; export X; bash -c 'echo $X'; }; f; echo ${X-none}",
    "global from a function": "f() { export X='a b'; export Y=(1); }; f; declare -p X Y",
    "function": "f() { echo hi; }; export -f f; bash -c f",
    "unexport": "export X=1; export -n X; declare -p X",
    "list": "export X=listed; export -p | grep listed; export | grep listed",
    "dashes": "export -- X=1; declare -p X",
    "one word of two": "Z='X=1 Y=2'; export $Z; declare -p X Y",
    "quoted text that looks like an array": "export 'X=(1 2)'; declare -p X",
    "value that ends in json": "export X=project.json; declare -p X",
    "path with an equals sign": "export X=a/b=c.json; declare -p X",
    "status of a bad name": "export 1bad 2>/dev/null; echo $?",
    "status of a command": "export X=$(exit 3); echo $?",
    "read-only": "readonly X=1; export X=2 2>/dev/null; echo $? $X",
    "strict": "set -eu; export X=1; export; export X; echo ok",
    "positional": "set -- 'a b' c; export X=\"$*\"; declare -p X",
    "temporary": "Y=2 export X=1; declare -p X",
    "line feed": "export X=$'a\\nb'; declare -p X",
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """A PATH whose `reelmill` prints its arguments."""
    program = tmp_path / "reelmill"
    program.write_text("#!/bin/sh\nprintf '<%s>' reelmill \"$@\"\necho\n")
    program.chmod(0o755)
    return f"{tmp_path}:{os.environ['PATH']}"


def shell(path: str, *command: str) -> str:
    """What a shell with a bare environment prints."""
    environment = {"PATH": path, "HOME": "/root", "LC_ALL": "C", "TERM": "xterm"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    return done.stdout + done.stderr


def with_hook(program: str, code: str) -> str:
    return f"eval \"$(cat <<'END'\n{HOOK}END\n)\"\n{code}" if program else code


@pytest.mark.parametrize("code", STATEMENTS.values(), ids=STATEMENTS)
def test_bash_keeps_its_builtin(code: str, path: str) -> None:
    plain = shell(path, "bash", "-c", code)
    assert plain
    assert shell(path, "bash", "-c", with_hook("bash", code)) == plain


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("export project.json film.mp4", ["project.json", "film.mp4"]),
        ("export 'my project.json' 'my film.mp4' --force", ["my project.json", "my film.mp4", "--force"]),
        ("P=a/b.json; export $P out.mp4 --set title='a b'", ["a/b.json", "out.mp4", "--set", "title=a b"]),
        ("export cut.otio out.mov", ["cut.otio", "out.mov"]),
        ("cd / && export project.json film.mp4", ["project.json", "film.mp4"]),
        ("set -eu; f() { export project.json film.mp4; }; f", ["project.json", "film.mp4"]),
    ],
)
def test_bash_exports_films(code: str, arguments: list[str], path: str) -> None:
    expected = "".join(f"<{word}>" for word in ["reelmill", "export", *arguments]) + "\n"
    assert shell(path, "bash", "-c", with_hook("bash", code)) == expected


def test_bash_hands_on_the_exit_code(path: str, tmp_path: Path) -> None:
    (tmp_path / "reelmill").write_text("#!/bin/sh\nexit 130\n")
    assert shell(path, "bash", "-c", with_hook("bash", "export project.json film.mp4; echo $?")) == "130\n"


@pytest.mark.parametrize("program", ["bash --posix", "sh", "dash"])
def test_shells_that_cannot_have_it_are_left_alone(program: str, path: str) -> None:
    command = program.split()
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    assert shell(path, *command, "-c", with_hook(program, "export X='a b'; echo $X")) == "a b\n"


@needs_zsh
def test_zsh_scripts_are_left_alone(path: str) -> None:
    code = "export X=~/a Y=(1 2) Z=$(echo 'p q'); typeset -p X Y Z"
    plain = shell(path, "zsh", "-fc", code)
    assert "typeset" in plain or "export" in plain
    assert shell(path, "zsh", "-fc", with_hook("zsh", code)) == plain


@needs_zsh
def test_zsh_exports_films_at_the_prompt(path: str, tmp_path: Path) -> None:
    """Types into an interactive zsh on a terminal of zsh's own making."""
    (tmp_path / "hook.sh").write_text(HOOK)
    (tmp_path / "type.zsh").write_text(
        f"""
        zmodload zsh/zpty
        zpty -b terminal "zsh -f -i"
        type_line() {{ zpty -w terminal "$1"; local answer line
          while zpty -r terminal line "*$2*"; do answer+=$line; [[ $answer == *$2* ]] && break; done }}
        type_line 'PS1="ready> "; source {tmp_path}/hook.sh; echo so''urced' sourced
        type_line 'source {tmp_path}/hook.sh; echo tw''ice' twice
        await_file() {{ integer tries; until [[ -s $1 ]] || (( tries++ > 100 )); do sleep 0.1; done }}
        zpty -w terminal 'export project.json "a film.mp4" > {tmp_path}/first'
        await_file {tmp_path}/first
        zpty -w terminal 'export X=a/project.json Y=~/b; echo "$X $Y" > {tmp_path}/second'
        await_file {tmp_path}/second
        zpty -d terminal
        """
    )
    shell(path, "zsh", "-f", str(tmp_path / "type.zsh"))
    assert (tmp_path / "first").read_text() == "<reelmill><export><project.json><a film.mp4>\n"
    assert (tmp_path / "second").read_text() == "a/project.json /root/b\n"
