"""The nouns: plain frozen values and the protocols by which layers meet. Needs the standard library and NumPy only."""
