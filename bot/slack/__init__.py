"""The bot's interface to Slack: the API client, payloads, blocks and texts, files and HTTP mode."""
