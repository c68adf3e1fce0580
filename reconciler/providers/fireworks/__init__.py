"""Fireworks: managed supervised and preference fine-tuning over its REST API."""
