"""PostgreSQL, and only PostgreSQL: one module a noun, each a handful of plain functions over a connection."""
