"""Where the text, tables and figures of a page are, and in which order it is read."""
