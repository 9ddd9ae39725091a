"""From a source to a searchable document: fetch, extract, chunk, own, delete."""
