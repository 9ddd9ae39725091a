"""A local Slack workspace to try the bot in: server, browser page, people and sample files."""
