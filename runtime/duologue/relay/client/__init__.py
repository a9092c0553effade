"""What is said to a communication server, by those who use it."""
