"""Picture files: stills, animations and numbered sequences."""
