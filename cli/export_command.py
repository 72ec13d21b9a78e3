"""`reelmill export`: flags → ExportOptions → one call → what came out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args

import click

from reelmill.cli.help_groups import GroupedCommand
from reelmill.cli.invocation import HELP_SETTINGS, Invocation, verbose_option
from reelmill.cli.options import (
    audio_workers_option,
    cache_size_option,
    copy_option,
    hwaccel_option,
    memory_limit_option,
    network_option,
    no_fast_paths_option,
    range_option,
    renderer_option,
    set_option,
    system_option,
)
from reelmill.cli.parameters import BITRATE, OUTPUT, PATH, SIZE, TIME
from reelmill.cli.progress import ProgressStyle, narrator
from reelmill.cli.talk import talk
from reelmill.export.opening.job import Copy, ExportOptions, Renderer, SystemChoice
from reelmill.planner.errors import ExportError, Interrupted, RenderError
from reelmill.planner.hardware import Hwaccel
from reelmill.planner.outputs import AudioSettings, Output, VideoSettings

if TYPE_CHECKING:
    from reelmill.export.telling.profile import Profile
    from reelmill.export.telling.report import ExportRecord

_ENCODER = "Encoder preset; a name of the codec's own, such as veryfast for h264."


_GROUPS = {
    "What is made": ("--range", "--set", "--size", "--at", "--draft", "--no-audio", "--force"),
    "Encoding": (
        *("--video-codec", "--crf", "--bitrate", "--preset", "--pix-fmt", "--gop", "--threads", "--copy"),
        *("--audio-codec", "--audio-bitrate"),
    ),
    "Reading and rendering": (
        *("--system", "--cache-size", "--memory-limit", "--audio-workers", "--renderer", "--hwaccel"),
        *("--no-fast-paths", "--allow-network"),
    ),
    "Reports": ("--progress", "--report", "--profile", "--depfile"),
}


@click.command(
    "export",
    cls=GroupedCommand,
    groups=_GROUPS,
    context_settings=HELP_SETTINGS,
    short_help="Render a project to films, sound and pictures.",
)
@click.argument("project", type=PATH)
@click.argument("outputs", type=OUTPUT, nargs=-1, metavar="[OUTPUT...]")
@system_option
@range_option
@set_option
@click.option("--video-codec", metavar="CODEC", help="h264, hevc, av1, vp9, prores or ffv1; default by the container.")
@click.option("--crf", type=float, metavar="NUMBER", help="Constant quality; lower is better and larger.")
@click.option("--bitrate", type=BITRATE, metavar="BITS", help="Bits a second of the pictures, such as 8M.")
@click.option("--preset", metavar="NAME", help=_ENCODER)
@click.option("--pix-fmt", metavar="FORMAT", help="Pixel format of the output, such as yuv420p10le.")
@click.option("--gop", type=click.IntRange(min=1), metavar="FRAMES", help="Frames between keyframes, at most.")
@click.option("--audio-codec", metavar="CODEC", help="aac, opus, flac, pcm, …; default by the container.")
@click.option("--audio-bitrate", type=BITRATE, metavar="BITS", help="Bits a second of the sound, such as 192k.")
@click.option("--no-audio", is_flag=True, help="Write no sound.")
@click.option(
    "--size", type=SIZE, metavar="WxH", help="Scale the finished pictures, with bars where the aspect differs."
)
@click.option("--at", type=TIME, metavar="TIME", help="A poster's moment; default a tenth of the duration.")
@click.option("--draft", is_flag=True, help="Composite at half size: faster, for a look.")
@click.option("--threads", type=click.IntRange(1, 128), metavar="N", help="Encoder threads; they decide x264's bytes.")
@copy_option
@cache_size_option
@memory_limit_option
@audio_workers_option
@renderer_option
@hwaccel_option
@no_fast_paths_option
@click.option("--report", type=PATH, metavar="FILE", help="Write a JSON report, of success and of failure.")
@click.option("--depfile", type=PATH, metavar="FILE", help="Write a rule for make: what the outputs were made from.")
@click.option("--profile", type=PATH, metavar="FILE", help="Write when each thread did what, for ui.perfetto.dev.")
@click.option("--progress", type=click.Choice(get_args(ProgressStyle)), default="auto", help="How to tell progress.")
@click.option("--force", is_flag=True, help="Replace an output that exists.")
@network_option
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@verbose_option
@click.pass_obj
def export(invocation: Invocation, /, project: Path, outputs: tuple[Output, ...], **flags: Any) -> None:
    """Render PROJECT to each OUTPUT in one pass: films, sound, pictures.

    An OUTPUT is [KIND=]PATH. The kind follows from the extension and from a number pattern (film.mp4, sound.wav,
    teaser.gif, poster.jpg, frames/%06d.png), and is named where it does not (sheet=overview.png). Without an OUTPUT
    those of the project are made.
    """
    options = options_from_flags(flags)
    from reelmill.export.telling.report import ExportRecord, check_report_path, write_report

    written = [Path(output.path) for output in outputs]
    if flags["report"] is not None:
        check_report_path(flags["report"], (project, *written))
    profile = _profile(flags["profile"], (project, *written, *filter(None, [flags["report"]])))
    from reelmill.export.api import render

    # From here on an interruption is told like other failures, in the report as well.
    invocation.interruption.checkpoint()
    told = narrator(flags["progress"], flags["quiet"], invocation.interruption.checkpoint)
    invocation.log.write = told.logged
    record = ExportRecord()
    try:
        film = render(project, outputs, listener=told, record=record, profile=profile, options=options)
        report = film.report
        told.finished(report)
    except (Exception, KeyboardInterrupt) as error:
        told.close()
        failure = _as_export_error(error)
        told.failed(failure.as_dict(), failure.exit_code)
        if flags["report"] is not None:
            _report_failure(flags["report"], failure, record)
        if profile is not None:
            _write_what_was_profiled(flags["profile"], profile)
        raise
    finally:
        told.close()
    if flags["report"] is not None:
        write_report(flags["report"], report)
    if profile is not None:
        from reelmill.export.telling.profile import write_profile

        write_profile(flags["profile"], profile, report["bottleneck"])


def options_from_flags(flags: dict[str, Any]) -> ExportOptions:
    """The options that the flags mean. Raises UsageError where two of them exclude each other."""
    if flags["crf"] is not None and flags["bitrate"] is not None:
        raise click.UsageError("--crf and --bitrate exclude each other: one gives the quality, one the size")
    if flags["no_audio"] and (flags["audio_codec"] or flags["audio_bitrate"]):
        raise click.UsageError("--no-audio leaves nothing for --audio-codec and --audio-bitrate")
    return ExportOptions(
        variables=dict(flags["variables"]),
        system=cast(SystemChoice, flags["system"]),
        range=flags["range_"],
        video=VideoSettings(
            codec=flags["video_codec"],
            preset=flags["preset"],
            crf=flags["crf"],
            bitrate=flags["bitrate"],
            pix_fmt=flags["pix_fmt"],
            gop=flags["gop"],
        ),
        audio=AudioSettings(codec=flags["audio_codec"], bitrate=flags["audio_bitrate"]),
        no_audio=flags["no_audio"],
        size=flags["size"],
        at=flags["at"],
        draft=flags["draft"],
        threads=flags["threads"],
        cache_bytes=flags["cache_size"],
        memory_limit_bytes=flags["memory_limit"],
        audio_workers=flags["audio_workers"],
        renderer=cast(Renderer, flags["renderer"]),
        hwaccel=cast(Hwaccel, flags["hwaccel"]),
        copy=cast(Copy, flags["copy"]),
        fast_paths=not flags["no_fast_paths"],
        force=flags["force"],
        reserved=tuple(path for path in (flags.get("report"), flags.get("profile")) if path is not None),
        depfile=flags.get("depfile"),
        allow_network=flags["allow_network"],
    )


def _as_export_error(error: BaseException) -> ExportError:
    if isinstance(error, ExportError):
        return error
    if isinstance(error, KeyboardInterrupt):
        return Interrupted()
    return RenderError(f"internal error: {type(error).__name__}: {error}", component="Session")


def _report_failure(path: Path, error: ExportError, record: ExportRecord) -> None:
    """Write the report of a failure. If that fails too, the first error stays the one that counts."""
    from reelmill.export.telling.report import failure_report, write_report

    try:
        write_report(path, failure_report(error, record))
    except ExportError as second:
        talk(f"warning: {second.message}: {path}")


def _profile(path: Path | None, others: tuple[Path, ...]) -> Profile | None:
    """What listens to an export that is to be profiled."""
    if path is None:
        return None
    from reelmill.export.telling.profile import Profile, check_profile_path

    check_profile_path(path, others)
    return Profile()


def _write_what_was_profiled(path: Path, profile: Profile) -> None:
    """Write the profile of a failed export. If that fails too, the first error stays the one that counts."""
    from reelmill.export.telling.profile import write_profile

    try:
        write_profile(path, profile, None)
    except ExportError as second:
        talk(f"warning: {second.message}: {path}")
