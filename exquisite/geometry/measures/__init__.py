"""Measures for experiments, reports and calibration: seam residual, redraw error, style, signature and trend."""
