"""Threads, waiting, and files: what every room needs of the operating system."""
