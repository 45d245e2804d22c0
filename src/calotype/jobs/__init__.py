"""The core, pure: what a job is, where events lead it, what it costs, when it may run again."""
