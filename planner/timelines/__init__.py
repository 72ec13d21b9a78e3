"""What holds for a whole timeline: nesting, resolved times, markers, the choice of system."""
