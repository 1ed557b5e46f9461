"""One avatar session's job, from the dispatch to the end: its steps, its visitors, its orders, what it tells of itself."""
