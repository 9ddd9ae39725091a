"""The bot's tables, beside the catalog's in one database file, and their migrations."""
