"""Procrastinate behind a few functions: it hands out job ids, and holds no truth."""
