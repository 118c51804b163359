"""A folder of class folders, or a CSV of `path,label[,split]`: a user's own videos."""

from __future__ import annotations

from .. import listing
from .source import Remarks, Source

_SPLITS = ", ".join(listing.SPLITS)
_SPLIT_NAMES = {*listing.SPLITS, "training", "valid", "validation", "testing"}


def read(source: Source) -> listing.Listing:
    """The items have a split only where the source says one; see `listing.assign_splits`."""
    if not source.videos.exists():
        raise ValueError(f"There is no such folder or CSV file. Received: {source.videos}")
    is_folder = source.videos.is_dir()
    items = listing.list_folder(source.videos) if is_folder else listing.list_csv(source.videos)
    classes = listing.class_names(items, source.label_map)
    remarks = Remarks()
    if is_folder and not items[0].split:
        for name in sorted(_SPLIT_NAMES & {item.label for item in items}):
            remarks.add(
                f"folders taken for classes, though named as a split (splits are {_SPLITS}, with nothing beside them)",
                name,
            )
    return listing.Listing(items, classes, remarks=remarks.lines())
