"""The project file as data models: one pydantic model for each object of the file."""
