"""From a project's path to everything that is known before rendering."""
