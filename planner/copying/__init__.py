"""Which stretches of a film are copied as packets instead of being encoded."""
