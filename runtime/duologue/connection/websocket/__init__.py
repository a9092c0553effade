"""Connections over WebSockets."""
