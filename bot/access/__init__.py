"""Access control: who can read a reply, and what it may show them."""
