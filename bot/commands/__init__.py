"""The subcommands of `magpie`, by subject. Each module registers its own."""
