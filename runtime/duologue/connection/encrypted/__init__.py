"""Connections that only the two ends can read."""
