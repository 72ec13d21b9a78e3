"""From a project to finished files: opening, rendering, outputs, the report. Read `rendering.session` first."""
