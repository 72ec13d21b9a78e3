"""Decoded frames: what their code values mean, and the pixel formats they are kept in."""
