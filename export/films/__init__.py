"""Films as files: codecs and containers chosen, pictures and sound encoded and muxed. `codecs` reads first."""
