"""The commands, by what a person wants to do. What takes long to import is imported by the command that needs it."""
