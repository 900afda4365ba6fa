"""What comes in: feeds and the panel's review files."""
