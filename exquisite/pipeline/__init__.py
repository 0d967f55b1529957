"""The session: the way of a step, and what of it stands on disk."""
