"""From the name of a codec, as people write it, to a codec that fits a container and an encoder that is there."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping

import av.codec

from reelmill.export.films.containers import CONTAINERS, refuse
from reelmill.planner.errors import SetupError


def pick_codec(
    asked: str,
    *,
    kind: str,
    known: Collection[str],
    aliases: Mapping[str, str],
    fitting: tuple[str, ...],
    suffix: str,
    standards: Mapping[str, str] | None = None,
) -> str:
    """The codec of that name, if it exists and fits the container.

    `fitting`: what the container takes; `standards`: what the files of a codec of another name hold. Raises
    SetupError with what can be had instead.
    """
    name = aliases.get(asked.lower(), asked.lower())
    if name not in known:
        close = difflib.get_close_matches(name, known, 1)
        hint = f'did you mean "{close[0]}"? ' if close else ""
        refuse(f'unknown {kind} codec "{asked}"', f"{hint}{suffix} takes {', '.join(fitting) or 'none'}")
    standard = (standards or {}).get(name, name)
    if standard not in fitting:
        others = [each.suffix for each in CONTAINERS.values() if standard in (*each.video, *each.audio)]
        refuse(
            f"{kind} codec {name} does not fit into {suffix}",
            f"use one of {', '.join(fitting)}, or an output that ends in {' or '.join(others)}",
        )
    return name


def encoder_of_this_build(name: str, kind: str) -> av.codec.Codec:
    """libav's encoder. Raises SetupError where the build lacks it."""
    try:
        return av.codec.Codec(name, "w")
    except av.codec.codec.UnknownCodecError as error:
        raise SetupError(
            f"this build of libav lacks the encoder {name}",
            component="Encoder",
            suggestion=f"choose another {kind} codec; `reelmill doctor` lists what is there",
        ) from error
