"""Ingest sources: fetch, extract, chunk and delete documents, as the owner of the data folder."""
