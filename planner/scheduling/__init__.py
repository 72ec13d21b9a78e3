"""What shared decoders work from: the decode schedule of a whole export."""
