"""How much work text from strangers can cause, counted in steps and never in seconds."""
