"""Updates: what the bot has not confirmed, fetched by it or posted to it."""
