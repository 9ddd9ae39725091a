"""Environment variables of Slack's settings. Apart from the settings, which need a library that `--help` does not."""

PREFIX = "SLACK_"
SECRETS = ("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET")


def variable(name: str) -> str:
    """Return the environment variable of a setting: `bot_token` -> SLACK_BOT_TOKEN."""
    return PREFIX + name.upper()
