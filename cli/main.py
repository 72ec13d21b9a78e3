"""The command line: `reelmill` and `export`. The one place where errors become text and exit codes.

In: arguments. Out: 0 done, 1 failed while rendering, 2 wrong command line, project or machine, 130 interrupted.
Talk goes to stderr, data to stdout. Commands import what they need when they run: `--help` loads no media library.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence

import click
from click.exceptions import NoArgsIsHelpError

from reelmill.cli.batch_command import batch
from reelmill.cli.check_command import check
from reelmill.cli.compare_command import compare
from reelmill.cli.doctor_command import doctor
from reelmill.cli.error_block import crash_block, error_block, usage_block
from reelmill.cli.export_command import export
from reelmill.cli.interruption import Interruption
from reelmill.cli.invocation import HELP_SETTINGS, Invocation
from reelmill.cli.plan_command import plan
from reelmill.cli.probe_command import probe
from reelmill.cli.project_commands import frame, init, schema, validate
from reelmill.cli.shell_hook import shell_hook
from reelmill.cli.talk import abandon, talk
from reelmill.planner.errors import ExportError, Interrupted, RenderError
from reelmill.planner.process.exhaustion import MEMORY, THREADS, Exhaustion, NoThread, exhaustion_behind

SETUP_FAILED = 2
CRASHED = 1


def _print_version(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value:
        from importlib.metadata import version

        click.echo(f"reelmill {version('reelmill')}")
        context.exit()


@click.group(context_settings=HELP_SETTINGS)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Print the version."
)
def reelmill() -> None:
    """Renders a JSON timeline to a video file: exact, fast, explicit."""


for _command in (export, init, validate, plan, frame, compare, check, batch, probe, schema, doctor, shell_hook):
    reelmill.add_command(_command)


def main(arguments: Sequence[str] | None = None, *, interruption: Interruption | None = None) -> int:
    """Run `reelmill`. Returns the exit code. `interruption`: one that is entered already."""
    return run(reelmill, "reelmill", arguments, interruption)


def export_main(arguments: Sequence[str] | None = None, *, interruption: Interruption | None = None) -> int:
    """Run `export`, which is `reelmill export`. Returns the exit code. `interruption`: one that is entered already."""
    return run(export, "export", arguments, interruption)


def run(
    command: click.Command, name: str, arguments: Sequence[str] | None, interruption: Interruption | None = None
) -> int:
    """Run a command, print its failure, and return the exit code."""
    if interruption is None:
        try:
            with Interruption() as interruption:
                return run(command, name, arguments, interruption)
        except NoThread as error:
            return fail_to_start(error)
    invocation = Invocation(interruption)
    with invocation.log.listening():
        try:
            result = command.main(
                None if arguments is None else list(arguments), prog_name=name, standalone_mode=False, obj=invocation
            )
            if sys.stdout is not None:
                sys.stdout.flush()
        except BrokenPipeError:
            abandon(sys.stdout)
            return CRASHED
        except NoArgsIsHelpError as error:
            talk(error.format_message())
            return SETUP_FAILED
        except click.exceptions.Abort as error:
            return _fail(Interrupted(), error, invocation)
        except ExportError as error:
            return _fail(error, error, invocation)
        except click.ClickException as error:
            talk(usage_block(error))
            return SETUP_FAILED
        except Exception as error:
            if (exhausted := exhaustion_behind(error)) is not None:
                return _fail(_ran_out(exhausted), error, invocation)
            if isinstance(error, MemoryError):
                return _fail(_ran_out(MEMORY), error, invocation)
            if invocation.verbose:
                _print_traceback(error)
            talk(crash_block(error))
            return CRASHED
    return result if isinstance(result, int) else 0


def fail_to_start(error: NoThread) -> int:
    """Print why no command could be run, and return the exit code."""
    return _fail(_ran_out(THREADS), error, Invocation())


def _ran_out(of: Exhaustion) -> ExportError:
    return RenderError(of.message, component="Session", suggestion=of.suggestion)


def _fail(failure: ExportError, cause: BaseException, invocation: Invocation) -> int:
    if invocation.verbose:
        _print_traceback(cause)
    talk(error_block(failure))
    return failure.exit_code


def _print_traceback(error: BaseException) -> None:
    talk("".join(traceback.format_exception(error)).rstrip())
