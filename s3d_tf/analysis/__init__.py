"""Pictures and figures of what the networks see and say."""
