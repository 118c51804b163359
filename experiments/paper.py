"""The numbers of the paper's tables (arXiv 1712.04851), percent; parameters in millions, multiply-adds in billions."""

TABLE1 = {  # network -> data set -> top-1 forwards, backwards
    "i3d": {"kinetics": (71.1, 71.1), "something_something": (45.8, 15.2)},
    "i2d": {"kinetics": (67.0, 67.2), "something_something": (34.4, 35.2)},
}
TABLE2 = {  # Kinetics-Full: top-1, top-5
    "i3d": (71.1, 89.3),
    "s3d": (72.2, 90.6),
    "s3d_g": (74.7, 93.4),
}
TABLE3 = {  # Something-something, validation: top-1, top-5
    "i2d": (34.4, 69.0),
    "i3d": (45.8, 76.5),
    "s3d": (47.3, 78.1),
    "s3d_g": (48.2, 78.7),
}
TABLE4 = {  # Kinetics-Full, flow and both streams: top-1, top-5
    ("i3d", "flow"): (63.9, 85.0),
    ("s3d_g", "flow"): (68.0, 87.6),
    ("i3d", "both"): (74.1, 91.6),
    ("s3d_g", "both"): (77.2, 93.0),
}
TABLE5 = {"s3d_g": {"ucf101": 96.8, "hmdb51": 75.9}, "i3d": {"ucf101": 95.6, "hmdb51": 74.8}}  # mean of three splits
COSTS = {  # Table 2; Fast-S3D: section 4.5
    "i3d": (12.06, 107.89),
    "s3d": (8.77, 66.38),
    "s3d_g": (11.56, 71.38),
    "fast_s3d": (None, 43.47),
}
TABLE6 = {"i3d": {"jhmdb": 73.2, "ucf101_24": 76.3}, "s3d_g": {"jhmdb": 75.2, "ucf101_24": 78.8}}  # frame-mAP at 0.5
FOOTNOTE5 = {"two": 78.4, "four": 78.9}  # Mini-Kinetics-200, temporal convs on two or four branches
