"""What a call costs here: programs that are measured, and `duologue bench`, which measures them."""
