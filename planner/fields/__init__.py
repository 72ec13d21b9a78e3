"""Values of the project file: how each kind is read, checked and described to editors."""
