"""From a project file to a checked timeline, and the JSON Schema of the file."""
