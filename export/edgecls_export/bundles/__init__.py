"""Making bundles: which targets there are, their wheels, golden photos, and the one file of it all."""
