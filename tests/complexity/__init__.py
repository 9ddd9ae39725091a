"""Tests that work grows linearly with the length of text from strangers, counted in steps, not seconds."""
