"""Real renders whose locks sleep at random: `make test-stress` looks for threads that wait for ever."""
