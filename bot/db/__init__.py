"""All SQL of bot/: the bot's tables beside the catalog's in one database file, their migrations and queries.

Every function runs in the caller's transaction.
"""
