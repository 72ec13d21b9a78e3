"""The drawings of clips, one module for each kind of content that is drawn from its data alone."""
