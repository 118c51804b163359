"""From a trained network to TF Serving: the exported graph takes what callers have."""
