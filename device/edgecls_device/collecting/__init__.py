"""Photos for the next round of training, taken by hand or kept since the model was unsure."""
