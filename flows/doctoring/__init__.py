"""Whether an installation can do its work: what is wrong, and how to mend it."""
