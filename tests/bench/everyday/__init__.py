"""Invented manuals, templates, everyday files and questions about them: a benchmark that is built, not downloaded.

Each file in texts/ is one document, or a template with a table of rows. docs/search-quality.md says how to add one.
"""
