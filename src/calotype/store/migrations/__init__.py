"""Numbered migrations: each revision module runs the SQL file of its own name."""
