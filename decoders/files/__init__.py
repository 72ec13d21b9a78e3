"""Media files: how they are opened, identified and demuxed."""
