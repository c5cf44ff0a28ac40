"""Training: backbones, cached features, the head, fine-tuning and confidence."""
