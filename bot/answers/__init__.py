"""From a question to its reply: the queue, the answer, its rendering, follow-ups and feedback."""
