"""Extraction of pages from files, in a sandboxed child process: `guarded` is the port, `child` the process."""
