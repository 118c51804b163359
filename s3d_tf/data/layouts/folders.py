"""A folder of class folders, or a CSV of `path,label[,split]`: a user's own videos."""

from __future__ import annotations

from .. import listing
from .source import Source


def read(source: Source) -> listing.Listing:
    """The items have a split only where the source says one; see `listing.assign_splits`."""
    if not source.videos.exists():
        raise ValueError(f"There is no such folder or CSV file. Received: {source.videos}")
    is_folder = source.videos.is_dir()
    items = listing.list_folder(source.videos) if is_folder else listing.list_csv(source.videos)
    return listing.Listing(items, listing.class_names(items, source.label_map))
