"""From a project to a finished file: sessions, encoders, sound, outputs, the report. `export.session` reads first."""
