"""Lanes: the ways to rank the pages of a scope for a query."""
