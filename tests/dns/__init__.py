"""DNS providers: the registry, and one that is added to a copy of the product."""
