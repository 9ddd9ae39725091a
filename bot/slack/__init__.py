"""Slack's side of the bot: the client, payloads, listeners, files and HTTP mode."""
