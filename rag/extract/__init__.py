"""Bytes to pages, in a guarded child process: `guard.GuardedReader` is the port, `child` the process it drives."""
