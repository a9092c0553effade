"""Tests, the demonstration and the benchmarks."""
