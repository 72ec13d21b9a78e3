"""Project files as templates: JSON with places, variables and repeated objects."""
