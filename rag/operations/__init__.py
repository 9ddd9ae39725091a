"""What an operator asks of an installation: its health, and what is kept for how long."""
