"""`/mcp`: what agents call. Every tool is an operation of the API under a name of its own."""
