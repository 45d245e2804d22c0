"""Sprites in motion: words become motions, a motion bends the whole subject frame by frame, and frames become a GIF and a sheet."""
