"""Listeners for events, buttons, shortcuts and the command: they store rows and acknowledge."""
