"""The API process: HTTP in, dialects and lifecycle behind it."""
