"""Listeners for events, buttons, shortcuts and the slash command. They store rows and acknowledge."""
