"""Many films from one list: jobs, processes, what is done already. `batch_run` reads first."""
