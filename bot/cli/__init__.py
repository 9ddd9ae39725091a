"""The command `magpie`, one module for each subject."""
