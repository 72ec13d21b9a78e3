"""Projects to look at, to learn from and to test with, and the footage that they show."""
