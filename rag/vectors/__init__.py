"""Embed what waits, keep the vector store in step with the catalog, find nearest neighbors."""
