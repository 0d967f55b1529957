"""The interface to image models: requests, answers, generators, recordings."""
