"""The communication server, and the ways to be found and to find others through one."""
