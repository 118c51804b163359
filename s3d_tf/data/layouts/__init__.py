"""How the known data sets lie on disk: one file a family of layouts, each with `read(source) -> Listing`."""
