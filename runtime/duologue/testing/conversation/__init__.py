"""The promises of a conversation, by subject."""
