"""Benchmarks: every figure that README quotes is produced here."""
