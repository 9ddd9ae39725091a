"""Fetching of sources: files on this machine, and URLs through a guarded proxy (web pages are rendered to PDF)."""
