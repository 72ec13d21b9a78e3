"""The sound of a film: mixed, filtered, brought to a loudness, measured. `film_sound` reads first."""
