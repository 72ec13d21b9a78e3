"""The command line: flags become options, options one call, and what it raises an exit code. Nothing else.

Nothing here is imported by another room. Only the standard library, click and rich are loaded until a command
needs more: `--help` and a syntax error must not wait for the media libraries.
"""
