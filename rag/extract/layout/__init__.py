"""Layout of a page: its text, tables and figures, and their reading order."""
