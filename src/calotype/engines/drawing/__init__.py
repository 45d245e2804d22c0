"""Drawing: reads a prompt, finds drawings for what it names, and composes them into a scene. No engine, but what several share."""
