"""Where a picture plays: the sky, the land, the water or the room behind and around what the prompt names."""
