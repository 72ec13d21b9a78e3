"""From an opened project to finished pictures and sound: the render loop."""
