"""Retrieval and answers over what a team shares. Knows no Slack."""
