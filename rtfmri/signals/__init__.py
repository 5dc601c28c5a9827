"""From ROI means to the regulation value: streaming GLM, baselines, percent signal change and its standard error."""
