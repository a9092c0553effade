"""The compiler: contracts in, typed Python packages out."""
