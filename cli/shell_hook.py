"""`reelmill shell-hook`: shell code that makes the literal `export project.json film.mp4` work. Prints it to stdout.

The code is one text for every shell that can evaluate it; each shell takes its own part, kept in quotes so that the
others don't parse it.

bash: a function named `export`. bash expands the words of a command by its name before it looks for a function, so
assignments (`export X=$Y`, tildes, arrays) keep the rules of the builtin, which gets every call that is not ours. In
POSIX mode no function may have the name of a special builtin: there the hook does nothing.

zsh: `export` is a reserved word; taking that away would change the meaning of `export X=~/y` and of arrays. So the
line editor puts `reelmill` in front of a line that begins with our words; scripts are untouched.
"""

from __future__ import annotations

import click

from reelmill.cli.invocation import verbose_option

_BASH = """\
export() {
  case "${1-}" in
    *=*) builtin export "$@" ;;
    *.json | *.otio) command reelmill export "$@" ;;
    *) builtin export "$@" ;;
  esac
}"""

_ZSH = """\
if [[ -o zle ]] && (( ! $+functions[_reelmill_accept_line] )); then
  _reelmill_accept_line() {
    local -a words=(${(z)BUFFER})
    if [[ ${words[1]-} == export && ${(Q)words[2]-} == *.(json|otio) && ${words[2]} != *=* ]]; then
      BUFFER="reelmill $BUFFER"
    fi
    zle _reelmill_accept_line_before
  }
  zle -A accept-line _reelmill_accept_line_before
  zle -N accept-line _reelmill_accept_line
fi"""

HOOK = f"""\
# eval "$(reelmill shell-hook)"
if [ -n "${{BASH_VERSION-}}" ]; then
  case ":${{SHELLOPTS-}}:" in
    *:posix:*) ;;
    *) eval '{_BASH}' ;;
  esac
elif [ -n "${{ZSH_VERSION-}}" ]; then
  eval '{_ZSH}'
fi
"""


@click.command("shell-hook", short_help="Print shell code that makes a plain `export` work.")
@verbose_option
def shell_hook() -> None:
    """Print shell code with which `export project.json film.mp4` works: eval "$(reelmill shell-hook)"."""
    click.echo(HOOK, nl=False)
