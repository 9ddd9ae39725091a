"""The bot and the command. Knows only rag's front door."""
