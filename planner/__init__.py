"""From the project file to a plan of every output frame. Imports only the standard library and pydantic."""
