"""What the bot reports about its work: metrics, traces, and the id of the question that a log line belongs to."""
