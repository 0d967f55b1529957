"""What experiments and reports measure: seam residual, redraw error, style."""
