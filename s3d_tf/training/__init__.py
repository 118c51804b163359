"""Recipes, the loop, checkpoints, evaluation."""
