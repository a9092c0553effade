"""What carries messages: each file is one way to carry them, all promise the same."""
