"""What Slack tells the bot: events, buttons, shortcuts and the command, stored as rows and acknowledged."""
