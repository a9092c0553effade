"""A service and a client for each example contract, to read and to copy from."""
