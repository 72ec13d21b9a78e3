"""From files to frames and samples: probing, exact decoding by V1 and V2, stills, sound. Knows no composition."""
