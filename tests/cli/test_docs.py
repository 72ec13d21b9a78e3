"""docs/reference/commands.md against the commands: every parameter is described, and none that does not exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from reelmill.cli.main import reelmill

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
SECTIONS = {
    match[1]: match[2]
    for match in re.finditer(r"^## reelmill ([\w-]+)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
}


def described(section: str) -> dict[str, str]:
    """The rows of a section's table of options: what is given → its default."""
    table = re.search(r"^\| option \|.*\n\| --- .*\n((?:\|.*\n)+)", section, re.MULTILINE)
    assert table
    rows = [re.split(r"(?<!\\)\|", line)[1:3] for line in table[1].splitlines()]
    return {cells[0].strip().replace("\\|", "|"): cells[1].strip().strip("`") for cells in rows}


def spelling(parameter: click.Parameter) -> str:
    """How the page writes a parameter."""
    if isinstance(parameter, click.Argument):
        return f"`{(parameter.metavar or (parameter.name or '').upper()).strip('[]')}`"
    assert isinstance(parameter, click.Option)
    names = ", ".join(f"`{name}`" for name in parameter.opts)
    if parameter.is_flag:
        return names
    value = "|".join(parameter.type.choices) if isinstance(parameter.type, click.Choice) else parameter.metavar
    return names[:-1] + f" {value}`"


def test_every_command_has_a_section() -> None:
    assert set(SECTIONS) == set(reelmill.commands)


@pytest.mark.parametrize("name", reelmill.commands)
def test_parameters_and_page_agree(name: str) -> None:
    rows = described(SECTIONS[name])
    parameters = {spelling(parameter): parameter for parameter in reelmill.commands[name].params}
    assert set(rows) == set(parameters)
    for text, parameter in parameters.items():
        if isinstance(parameter.type, click.Choice):
            assert rows[text] == parameter.default
        elif isinstance(parameter, click.Option) and isinstance(parameter.show_default, str):
            assert rows[text] == parameter.show_default


def test_every_option_has_a_help_text() -> None:
    for command in reelmill.commands.values():
        assert command.help
        assert all(p.help for p in command.params if isinstance(p, click.Option))


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_options(shell: str) -> None:
    assert f"_REELMILL_COMPLETE={shell}_source reelmill" in PAGE
    words = {"COMP_WORDS": "reelmill export --vid", "COMP_CWORD": "--vid" if shell == "fish" else "2"}
    environment = {**os.environ, "_REELMILL_COMPLETE": f"{shell}_complete", **words}
    command = [str(Path(sys.executable).with_name("reelmill"))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "--video-codec" in done.stdout
