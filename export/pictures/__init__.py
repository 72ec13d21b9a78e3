"""Pictures as files: the picture pipeline, numbered pictures, animations, posters. `picture_sinks` reads first."""
