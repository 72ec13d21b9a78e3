"""Sound of files: decoding, resampling, speed, and the pool that decodes for the mixer."""
