"""The commands of `rollbook`, by what they are about."""
