"""The GPU host: an embedder over HTTP, whose clients' requests are encoded together."""
