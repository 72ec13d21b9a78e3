"""The examples' footage: pictures and sounds, all computed. `examples/make_media.py` writes them to files."""
