"""What sounds when, through which buses, and what was measured of it."""
