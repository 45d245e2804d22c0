"""Takes jobs and lets engines make them: one process a device."""
