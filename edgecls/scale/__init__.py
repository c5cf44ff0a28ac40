"""Looking at more photos than one process, one machine or one disk holds: pieces of work, engines, results."""
