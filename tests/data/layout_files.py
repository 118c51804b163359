"""Lays out small data sets for the tests of the readers."""


def make(root, files):
    for name, text in files.items() if isinstance(files, dict) else ((name, "") for name in files):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode())
    return root


def brief(listing):
    return {(item.media_id, item.label, item.split) for item in listing.items}
