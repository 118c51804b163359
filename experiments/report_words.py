"""What the report says beside the numbers, for one who has not read the paper."""

TITLE = "Rethinking Spatiotemporal Feature Learning: its tables and figures"
SUBTITLE = (
    "After Xie, Sun, Huang, Tu and Murphy, ECCV 2018, "
    '<a href="https://arxiv.org/abs/1712.04851">arXiv 1712.04851</a>; made by s3d_tf.'
)
INTRODUCTION = (
    "A network that names what happens in a video can look at it in two ways: frame by frame, or at several frames "
    "at once, by convolutions over time too (3D), which cost more. The paper asks how much of the 3D is needed. It "
    "takes one network, makes parts of it 2D or splits convolutions over space and time into two, and measures "
    "accuracy against cost. It finds that much can be saved without loss, and that a network which is cheaper can "
    "even be better.",
    "Below, its Tables 1 to 6, Figures 4, 5 and 7 and two remarks are each done again by one command. The paper's "
    "numbers stand beside ours wherever it gives any.",
)
SCALES = {
    "mini": "This is the mini scale. The networks are the paper's, a quarter as wide; the videos are small ones of "
    "40x40 pixels (in Table 6 of 96x128) that the project draws itself, whose class is either how textures move or "
    "how they look; each network is trained for a few hundred steps on a few processor cores. So no accuracy here is "
    "one of Kinetics or of Something-something, and none can be compared with the paper's by its height. What can be "
    "compared is what the paper says of the networks: which one sees the order of frames, which is better, which is "
    "cheaper. The costs are those of the networks at full size.",
    "paper": "This is the scale of the paper: its data sets, its networks at full width, and its training protocol.",
}
DRY_RUN = (
    "A dry run: every network is built and takes two steps on a few fixtures, so that one sees that all is there. "
    "The costs are true; all accuracies and figures of ours mean nothing."
)
TERMS = {
    "I3D": "A network whose convolutions are over space and time (3D); I2D is the same network with 2D ones.",
    "S3D": "I3D with every 3D convolution split into one over space and one over time. S3D-G: with gates besides, "
    "which weigh the channels by what the whole video holds.",
    "Top-heavy, bottom-heavy": "3D in the K units nearest to the answer, or in the K nearest to the video; the "
    "others 2D.",
    "Top-1, top-5": "How many of a hundred held-out videos have their class first, or among the first five answers.",
    "Frame-mAP": "Of a detector: the area below the curve of precision over recall of all its boxes, best score first, "
    "where a box is right if it overlaps an actor of its class by a half; the mean over classes, in per cent.",
    "Multiply-adds": "How much a network computes for one video, in billions (G); the paper calls them FLOPS.",
    "± and spread": "Networks are trained several times from different random numbers (seeds); ± is the standard "
    "deviation; in Figure 4 over K, in Table 5 over splits. The spread of a difference is the root "
    "of the sum of both squared deviations.",
}
MAKING = (
    "A part is one network, trained and measured; experiments share parts, so the sums count shared ones each time. "
    "Seconds of training are those of the last session of each. Commit and machine are those at which the parts were "
    "finished; dirty means that the code had changes which were not committed."
)
