"""Language tools for Chinese and English. Nothing here loads a neural model."""
