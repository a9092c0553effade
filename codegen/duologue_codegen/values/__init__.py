"""Whether a value belongs to a type."""
