"""What a project may ask for at most: sizes, depths and counts beyond these no machine could render."""

from __future__ import annotations

MAX_FILE_BYTES = 256 * 2**20
"""Of a project file."""
MAX_JSON_DEPTH = 64
"""Objects and lists inside one another."""
MAX_CANVAS_PX = 16384
"""Width, and height."""
MAX_CLIPS = 1_000_000
"""In the whole file."""
MAX_TRACKS = 100_000
"""In the whole file."""
MAX_MEDIA = 100_000
MAX_COMPOSITIONS = 100_000
MAX_KEYFRAMES = 100_000
"""Of one animation."""
MAX_NESTING = 64
"""Compositions inside one another."""
WARN_NESTING = 5
"""Deeper is allowed, with a warning."""
MAX_INSTANCES = 10_000_000
"""Clips that the root reaches, counted once for each way that leads to them."""
MAX_PROBLEMS = 100
"""Problems of a project that an error lists; the others are counted."""
MAX_PROBLEMS_COUNTED = 1_000_000
"""Problems after which counting stops."""
MAX_TEXT_LENGTH = 100_000
"""Characters of a text."""
MAX_NAME_LENGTH = 1000
"""Characters of an id or a name."""
MAX_POINTS = 10_000
"""Of a line or polygon."""
MAX_FILTERS_LENGTH = 10_000
"""Characters of a chain of filters."""
MAX_CHECKS = 100_000
"""Moments that a project wants to be checked."""
MAX_ROUNDS = 100_000
"""Of one repeat."""
MAX_REPEATED_VALUES = 2_000_000
"""Objects, lists, texts and numbers that repeats and variables make, in all."""
MAX_INSERTED_CHARACTERS = 256 * 2**20
"""Of the texts that variables make, in all."""
LOST_SOUND_SECONDS = 0.25
"""Sound of a film that lies before its picture, or after it, is worth a warning from this length on."""
