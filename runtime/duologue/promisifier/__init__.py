"""Calls and services over a connection; knows nothing of how the two sides were joined."""
