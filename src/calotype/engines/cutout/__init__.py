"""Cuts pictures' subjects out: removes backgrounds, or puts something else in their place."""
