"""Access: who can read a reply, and what they may see."""
