"""Who reads, and how an edition reaches them."""
