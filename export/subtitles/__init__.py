"""Files of subtitles, from bytes to cues. `project_subtitles` reads first."""
