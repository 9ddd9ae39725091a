"""The same answers in other tools: MCP and an HTTP API. `operations` says what can be called, `api` who may call it."""
