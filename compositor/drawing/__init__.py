"""Drawn pictures: text with its fonts and layout, and shapes. On the CPU."""
