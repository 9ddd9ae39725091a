"""Embed chunks, keep the vector store in sync with the catalog, and find nearest neighbors."""
