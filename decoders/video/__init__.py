"""Video streams: exact seeking, decoding, colour tags, pixel formats."""
