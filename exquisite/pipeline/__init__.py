"""The session: the stages of a step, and the files that it leaves on disk."""
