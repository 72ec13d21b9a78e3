"""The kinds of content of a clip, one module each: model of the project file, value, and facts for the planner."""
