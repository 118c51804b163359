"""Video files -> TFRecords -> clips. Knows nothing of the networks."""
