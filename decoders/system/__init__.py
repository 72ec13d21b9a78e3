"""Worker processes, interrupts, and what libav logs."""
