"""OpenAI and the servers that speak its fine-tuning API: the adapter, and its rules offline."""
