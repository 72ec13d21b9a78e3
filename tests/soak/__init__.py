"""Many real exports, for minutes to hours: killed, interrupted, short of descriptors, one after the other."""
