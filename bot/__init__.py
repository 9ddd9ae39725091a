"""The Slack bot and the command `magpie`. They import rag's public API only."""
