"""From an output frame's number to the plan of its picture."""
