"""What makes the media. `base` is the seam; one module an engine; `child` is the process they run in."""
