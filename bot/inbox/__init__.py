"""Store what happens in Slack as rows: the shares of files and links, and the questions."""
