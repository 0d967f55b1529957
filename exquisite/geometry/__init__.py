"""The stages of a step as pure functions of Pillow pictures and frozen values."""
