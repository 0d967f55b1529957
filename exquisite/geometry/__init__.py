"""Pure stages of a step: Pillow pictures and frozen values in, the same out."""
