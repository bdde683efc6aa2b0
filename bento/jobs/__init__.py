"""Jobs: repository, leases, task queue."""
