"""What the compiler's commands have in common: options, findings on the screen, exit codes."""
