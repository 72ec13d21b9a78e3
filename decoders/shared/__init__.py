"""Workers, slots and the frame cache of system V2."""
