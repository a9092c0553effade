"""The ways to a conversation."""
