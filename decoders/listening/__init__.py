"""Measurements of sound: loudness, silences, waveform and pitch, in worker processes."""
