"""What contracts become. Each target has a folder, which the rest of the compiler does not know."""
