"""Lanes: each ranks the pages of a scope for a query in its own way."""
