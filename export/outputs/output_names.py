"""What an output is, from how it was written: `[KIND=]PATH`. Plain functions.

The kind follows from the extension and from a number pattern: `film.mp4`, `sound.wav`, `list.m3u8`, `teaser.gif`,
`frames/%06d.png`; a single picture is a poster. Where it does not follow it is named, as in `sheet=overview.png`.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from reelmill.export.films.containers import CONTAINERS, FRAGMENTED_WORD, container_kind, container_word
from reelmill.export.pictures.picture_formats import ANIMATION_SUFFIXES, PICTURE_SUFFIXES
from reelmill.export.pictures.picture_names import is_numbered
from reelmill.planner.errors import SetupError
from reelmill.planner.outputs import Output, OutputKind
from reelmill.planner.suggestion import did_you_mean

KINDS: tuple[OutputKind, ...] = get_args(OutputKind)
_WORD_BEFORE = re.compile(r"([A-Za-z][A-Za-z0-9]*)=(.+)", re.DOTALL)


def parse_output(text: str) -> Output:
    """An output of the command line: a path, or a kind or container, `=` and a path.

    A word before the first `=` that is neither is an error: `./a=b.mp4` is a file's name. Raises ValueError with what
    could have been meant.
    """
    match = _WORD_BEFORE.fullmatch(text)
    if match is None:
        return Output(text)
    word, path = match.groups()
    if word in KINDS:
        return Output(path, kind=word)
    container = container_word(word)
    if container is not None:
        extension, fragmented = container
        return Output(path, container=extension, fragmented=fragmented)
    known = (*KINDS, *(suffix[1:] for suffix in CONTAINERS), FRAGMENTED_WORD)
    close = did_you_mean(word, known)
    raise ValueError(
        f'"{word}" is no kind of output{f"; {close}" if close else "."} Kinds are {", ".join(KINDS)}; '
        f"a file of that name is written ./{text}"
    )


def kind_of_output(output: Output) -> OutputKind:
    """What an output is. Raises SetupError for a name that tells nothing."""
    if output.kind is not None:
        return output.kind
    path = Path(output.path)
    found = container_kind(path, output.container)
    if found is not None:
        return found
    suffix = path.suffix.lower()
    if output.container is None:
        if is_numbered(path) and (suffix in PICTURE_SUFFIXES or not path.suffix):
            return "pictures"
        if ANIMATION_SUFFIXES.get(suffix):
            return "animation"
        if suffix in PICTURE_SUFFIXES:
            return "poster"
    always = (suffix for suffix, alone in ANIMATION_SUFFIXES.items() if alone)
    known = ", ".join((*CONTAINERS, *always, *PICTURE_SUFFIXES))
    raise SetupError(
        f'{path.name}: "{path.suffix}" is no output that reelmill writes',
        component="Output",
        file=output.path,
        suggestion=f"end the name with one of {known}",
    )
