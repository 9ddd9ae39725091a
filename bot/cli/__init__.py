"""The command `magpie`: one module per command, named like the command."""
