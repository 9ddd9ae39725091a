"""Run the same calls against the local Slack server and a real test workspace, and compare: `make try-slack`."""
