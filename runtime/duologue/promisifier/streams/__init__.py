"""Byte and text streams, both ways."""
