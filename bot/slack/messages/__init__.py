"""Every text that Magpie shows in Slack, one module per subject. The texts of the command line are in bot/cli.

Texts are plain: escape them before they go into a block. Functions whose docstring says mrkdwn take parts that are
already mrkdwn.
"""
