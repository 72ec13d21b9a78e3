"""Render checks: goldens, comparisons of pictures and sound, results; V1 against V2. `check_run` reads first."""
