"""The core: what an edition is and how it is decided."""
