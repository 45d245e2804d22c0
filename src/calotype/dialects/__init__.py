"""How each API words things: a folder an API, tables and pure functions."""
