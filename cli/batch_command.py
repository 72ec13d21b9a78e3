"""`reelmill batch`: flags → jobs and options → one call → what became of each job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import click

from reelmill.cli.batch_narrator import BatchNarrator, BatchProgressStyle, JsonBatchNarrator
from reelmill.cli.export_command import export, options_from_flags
from reelmill.cli.invocation import Invocation, verbose_option
from reelmill.cli.parameters import PATH
from reelmill.cli.talk import is_terminal, show_json, talk

_OF_EXPORT = (
    *("system", "variables", "video_codec", "crf", "bitrate", "preset", "pix_fmt", "gop", "audio_codec"),
    *("audio_bitrate", "no_audio", "size", "draft", "threads", "copy", "cache_size", "memory_limit", "renderer"),
    *("hwaccel", "force", "allow_network"),
)
"""Options of `reelmill export` that count for every job."""


def _takes_options_of_export(command: click.Command) -> click.Command:
    """Each is defined once, there."""
    command.params += [parameter for parameter in export.params if parameter.name in _OF_EXPORT]
    return command


@_takes_options_of_export
@click.command("batch", short_help="Make many films: from a list of jobs, or of many projects.")
@click.argument("jobs", nargs=-1, required=True)
@click.option(
    *("-j", "--jobs", "processes"), type=click.IntRange(1, 64), default=1, metavar="N", help="Processes that render."
)
@click.option("--out-dir", type=PATH, metavar="DIR", help="Folder of the films; then JOBS may be projects or patterns.")
@click.option("--extension", default="mp4", metavar="EXT", help="Of the films that are made of projects.")
@click.option("--resume", is_flag=True, help="Leave out films that were made before of just the same.")
@click.option("--fail-fast", is_flag=True, help="End the batch with the first job that fails.")
@click.option("--summary", "summary_path", type=PATH, metavar="FILE", help="Write what became of the jobs, as JSON.")
@click.option("--json", "as_json", is_flag=True, help="Print that JSON to stdout, instead of a table.")
@click.option("--progress", type=click.Choice(get_args(BatchProgressStyle)), default="auto", help="How to tell it.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@verbose_option
@click.pass_obj
def batch(invocation: Invocation, /, jobs: tuple[str, ...], **flags: Any) -> int:
    """Make the films of JOBS: a list (.json, .toml, .csv, .jsonl) with a project, an output and variables in each row,
    or, with --out-dir, project files and patterns such as 'projects/*.json'."""
    from reelmill.export.api import batch as make_films
    from reelmill.export.batches.batch_summary import BatchSummary, check_summary_path, write_summary
    from reelmill.export.batches.job_list import jobs_of

    others = export.make_context("export", [], resilient_parsing=True).params
    options = options_from_flags({**others, **flags})
    extension = flags["extension"]
    listed = jobs_of(jobs, flags["out_dir"], extension if extension.startswith(".") else f".{extension}")
    summary_path: Path | None = flags["summary_path"]
    if summary_path is not None:
        check_summary_path(summary_path, listed)
    summary = BatchSummary(tuple(listed))
    told = _narrator(flags["progress"], flags["quiet"], invocation.interruption.checkpoint)
    try:
        make_films(
            listed,
            processes=flags["processes"],
            resume=flags["resume"],
            fail_fast=flags["fail_fast"],
            listener=told,
            summary=summary,
            options=options,
        )
    except KeyboardInterrupt:
        pass  # What was made until then is told all the same, and the exit code says it.
    finally:
        told.close()
    if summary_path is not None:
        write_summary(summary_path, summary)
    for result in summary.failures:
        if invocation.verbose and result.traceback is not None:
            talk(result.traceback.rstrip())
    told.finished(summary, table=not flags["as_json"])
    if flags["as_json"]:
        show_json(summary.as_dict())
    return summary.exit_code


def _narrator(style: BatchProgressStyle, quiet: bool, checkpoint: Callable[[], None]) -> BatchNarrator:
    """The listener for `--progress` and `-q`. There is no table where stderr is no terminal."""
    if style == "json":
        return JsonBatchNarrator(checkpoint)
    if quiet or style == "none":
        return BatchNarrator(checkpoint, quiet=quiet)
    if is_terminal():
        from reelmill.cli.batch_table import TableBatchNarrator

        return TableBatchNarrator(checkpoint)
    return JsonBatchNarrator(checkpoint)
