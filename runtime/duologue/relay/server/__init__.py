"""The communication server: sockets, files and clocks around the rules of the relay."""
