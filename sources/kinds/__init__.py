"""Kinds of feeds, one file each: bytes in, entries out. The file's name is the kind's name in feeds.toml."""
