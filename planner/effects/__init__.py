"""Effects: what the project file says of each, and what it is in one frame. `catalogue` lists them."""
