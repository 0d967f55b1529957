"""What stands between a step and a model: requests, answers, generators, recordings."""
