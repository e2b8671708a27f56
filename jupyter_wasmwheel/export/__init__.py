"""On to the world: a package told in the words of other build tools."""
