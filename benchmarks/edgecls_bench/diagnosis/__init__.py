"""Why an exported file does not answer as its float32 reference does: measured, and said in words."""
