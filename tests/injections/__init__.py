"""Prompt injection: documents that give orders to a model that obeys all of them. Run it with `make injections`."""
