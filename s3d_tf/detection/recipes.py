"""The detector's recipes, one frozen dataclass each, with the source of each number beside it.

"API" is the TF Object Detection API, whose recommended values Gu et al. 2018 used: its
`faster_rcnn_resnet50_coco.config`, and where that is silent the defaults of `faster_rcnn.proto` and
`target_assigner.py`.
"""

from __future__ import annotations

import dataclasses
from typing import ClassVar

from ..data.records import RGB_STREAM
from ..training.recipes import PRECISIONS, STREAMS, check_rates, parse_changes

FUSIONS = ("features", "scores")


@dataclasses.dataclass(frozen=True)
class DetectionRecipe:
    """Everything that decides what a detector computes and how it is trained.

    Attributes:
        name: the key in `RECIPES`.
        network: the video network, see `s3d_tf.networks.VARIANTS`; with `weights` it may be empty, for theirs.
        convention: whose conventions it is built by; of the weights, or else the paper's, when empty.
        width: factor on its channels; of the weights where there are some.
        network_changes: what it has otherwise, such as gate_pool=space.
        weights: a work_dir, file or folder that its RGB stream starts from (docs/weights.md).
        flow_weights: likewise its flow stream.
        tap: the video network's layer at which proposals are pooled; its spatial stride must be 16.
        streams: rgb, flow or both; proposals are always made from RGB.
        fusion: of two streams, average features (then one head) or scores (a head each).
        backbone: the proposals' network, see `s3d_tf.detection.backbones.BACKBONES`.
        backbone_width: factor on its channels.
        backbone_weights: a file that it starts from, never downloaded; of i2d also a folder or a run.
        freeze_norms: batch norms keep their averages and parameters.
        num_frames: consecutive frames of a clip; the boxes are those of frame num_frames // 2.
        rows: of a frame as the networks see it, pixels.
        columns: likewise.
        flip: mirror clips at random in training.
        anchor_scales: sides of a square anchor over anchor_base.
        anchor_ratios: width over height.
        anchor_base: pixels.
        anchor_offset: of the first anchor's centre from the frame's corner, pixels.
        outside_anchors: learn from anchors that reach past the frame too.
        rpn_channels: of the 3x3 conv before the proposals.
        anchor_positive: least overlap of an anchor with a true box to be one.
        anchor_negative: an anchor that overlaps less is background; what lies between is ignored.
        anchor_sample: anchors of a frame that the loss looks at.
        anchor_share: of them, the most that may be positive.
        before_suppression: best boxes of a frame that go into the suppression.
        proposal_overlap: a proposal that overlaps a better one by more is suppressed.
        proposals: of a frame.
        add_true_boxes: in training true boxes are proposals too.
        roi_crop: side of a proposal's resized crop, places of the feature map.
        roi_cell: side of the max-pool on it.
        proposal_positive: least overlap of a proposal with a true box to be one; others are background.
        proposal_sample: proposals of a frame that the head learns from.
        proposal_share: of them, the most that may be positive.
        objectness_weight: of the anchors' classification in the loss.
        anchor_box_weight: of the anchors' localisation.
        class_weight: of the head's classification.
        box_weight: of the head's localisation.
        least_score: detections that score no more are left out.
        detection_overlap: a detection that overlaps a better one of its class by more is suppressed.
        class_detections: most of a class in a frame.
        detections: most in a frame.
        batch_size: clips a step, over all replicas.
        clips_per_replica: most clips that a replica takes at once; the gradients of more are summed up.
        steps: to train for.
        learning_rates: one more than `boundaries`; the next one holds from each boundary on.
        boundaries: in steps.
        warmup_steps: first steps, over which the rate rises linearly to the first of `learning_rates`; 0 is off.
        momentum: of the SGD.
        weight_decay: factor on half the squared kernels.
        clip_norm: longest gradient, by its norm over all variables; longer ones are shortened. 0 is off.
        norm_momentum: decay of batch norm's moving averages, where they are not frozen.
        precision: float32, mixed_float16 (with loss scaling) or mixed_bfloat16.
        seed: of weights, order, crops and samples.
    """

    kind: ClassVar[str] = "detector"

    name: str
    network: str = "s3d_g"
    convention: str = ""
    width: float = 1.0
    network_changes: tuple[str, ...] = ()
    weights: str = ""  # Kinetics (section 5.3)
    flow_weights: str = ""
    tap: str = "Mixed_4e"  # section 5.3
    streams: tuple[str, ...] = ("rgb",)
    fusion: str = "features"  # Gu et al. 2018
    backbone: str = "resnet50"  # section 5.3
    backbone_width: float = 1.0
    backbone_weights: str = ""  # ImageNet
    freeze_norms: bool = True  # API: batch_norm_trainable false
    num_frames: int = 20  # section 5.3
    rows: int = 320  # section 5.3: 320x400
    columns: int = 400
    flip: bool = True  # API: random_horizontal_flip
    anchor_scales: tuple[float, ...] = (0.25, 0.5, 1.0, 2.0)  # API, likewise the next two
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)
    anchor_base: float = 256.0
    anchor_offset: float = 0.0  # API: height_offset, width_offset
    outside_anchors: bool = False  # API: they are pruned in training
    rpn_channels: int = 512  # API: first_stage_box_predictor_depth
    anchor_positive: float = 0.7  # API: target assigner of stage "proposal"
    anchor_negative: float = 0.3
    anchor_sample: int = 256  # API: first_stage_minibatch_size
    anchor_share: float = 0.5  # API: first_stage_positive_balance_fraction
    before_suppression: int = 6000  # Ren et al. 2015; at 320x400 all there are, as in the API
    proposal_overlap: float = 0.7  # API: first_stage_nms_iou_threshold
    proposals: int = 300  # API: first_stage_max_proposals
    add_true_boxes: bool = False  # API; detectron2 does
    roi_crop: int = 14  # API: initial_crop_size
    roi_cell: int = 2  # API: maxpool_kernel_size
    proposal_positive: float = 0.5  # API: target assigner of stage "detection"
    proposal_sample: int = 64  # API: second_stage_batch_size
    proposal_share: float = 0.25  # API: second_stage_balance_fraction
    objectness_weight: float = 1.0  # API, likewise the next three
    anchor_box_weight: float = 2.0
    class_weight: float = 1.0
    box_weight: float = 2.0
    least_score: float = 0.0  # API: second_stage_post_processing, likewise the next three
    detection_overlap: float = 0.6
    class_detections: int = 100
    detections: int = 300
    batch_size: int = 11  # "11 GPUs" (section 5.3), asynchronous there; API: a frame each
    clips_per_replica: int = 1
    steps: int = 600_000  # section 5.3
    learning_rates: tuple[float, ...] = (0.0003, 0.00003)  # API, whose rate falls after 900k steps of one frame
    boundaries: tuple[int, ...] = (450_000,)  # ours
    warmup_steps: int = 0
    momentum: float = 0.9  # API
    weight_decay: float = 0.0  # API: l2_regularizer 0.0
    clip_norm: float = 10.0  # API: gradient_clipping_by_norm
    norm_momentum: float = 0.999
    precision: str = "float32"
    seed: int = 0

    def __post_init__(self):
        check_rates(self.learning_rates, self.boundaries)
        shares = ("momentum", "norm_momentum", "least_score")
        fractions = ("anchor_positive", "anchor_share", "proposal_overlap", "proposal_positive", "proposal_share")
        fractions += ("detection_overlap",)
        positive = ("backbone_width", "anchor_base", *(() if self.weights else ("width",)))
        not_negative = ("anchor_negative", "anchor_offset", "weight_decay", "clip_norm", "seed", "warmup_steps")
        not_negative += ("objectness_weight", "anchor_box_weight", "class_weight", "box_weight")
        self._check(shares, lambda value: 0 <= value < 1, "in [0, 1)")
        self._check(fractions, lambda value: 0 < value <= 1, "in (0, 1]")
        self._check(positive, lambda value: 0 < value < float("inf"), "above 0")
        self._check(not_negative, lambda value: 0 <= value < float("inf"), "not negative")
        counts = ("num_frames", "rows", "columns", "rpn_channels", "anchor_sample", "before_suppression", "proposals")
        counts += ("proposal_sample", "class_detections", "detections", "batch_size", "clips_per_replica", "steps")
        self._check((*counts, "roi_crop", "roi_cell"), lambda value: value >= 1, "1 or more")
        self._check(("num_frames",), lambda value: value >= 8, "8 or more")
        self._check(("rows", "columns"), lambda value: value >= 32, "32 pixels or more")
        self._check(("anchor_negative",), lambda value: value <= self.anchor_positive, "at most anchor_positive")
        self._check(("roi_cell",), lambda value: self.roi_crop % value == 0, "a divisor of roi_crop")
        sizes = (self.anchor_scales, self.anchor_ratios)
        if not all(values and all(0 < value < float("inf") for value in values) for values in sizes):
            raise ValueError(f"anchor_scales and anchor_ratios must be numbers above 0. Received: {sizes}")
        if not self.streams or len(set(self.streams)) != len(self.streams) or set(self.streams) - set(STREAMS):
            raise ValueError(f"streams must be one or both of {', '.join(STREAMS)}. Received: {self.streams}")
        self._check(("fusion",), lambda value: value in FUSIONS, f"one of {', '.join(FUSIONS)}")
        self._check(("precision",), lambda value: value in PRECISIONS, f"one of {', '.join(PRECISIONS)}")
        if not self.network and not all(self.start(stream) for stream in self.streams):
            raise ValueError("A recipe needs a network, or weights of each stream that it follows from")
        if all(self.start(stream) for stream in self.streams):
            if self.network_changes:
                raise ValueError(
                    f"Weights settle their network. Received: network_changes={','.join(self.network_changes)}"
                )
            if self.convention and not self.network:
                raise ValueError(f"A convention needs a network. Received: convention={self.convention!r}")
        parse_changes(self.network_changes)

    def _check(self, names: tuple[str, ...], fits, needed: str) -> None:
        if wrong := [f"{name}={getattr(self, name)!r}" for name in names if not fits(getattr(self, name))]:
            raise ValueError(f"{wrong[0].partition('=')[0]} must be {needed}. Received: {', '.join(wrong)}")

    def start(self, stream: str) -> str:
        """What the weights of a stream start from."""
        return {"rgb": self.weights, "flow": self.flow_weights}[stream]

    @property
    def shown(self) -> tuple[str, ...]:
        """The streams that a detector looks at: its own, and RGB for the key frame."""
        return tuple(dict.fromkeys((RGB_STREAM, *self.streams)))

    @property
    def key_frame(self) -> int:
        """Number of the frame in a clip whose boxes are wanted."""
        return key_frame_of(self.num_frames)


def key_frame_of(num_frames: int) -> int:
    """The one of a clip's frames that the others are around: of 20 the eleventh."""
    return num_frames // 2


_TABLE = (
    DetectionRecipe("jhmdb"),  # each of the three splits is a run of its own (Table 6)
    DetectionRecipe("ucf101_24"),  # split 1
    DetectionRecipe(  # the embedded set: minutes on two cores, from networks of whole videos whose norms must adapt
        "embedded_detection",
        width=0.25,
        backbone="i2d",
        backbone_width=0.25,
        freeze_norms=False,
        rows=96,
        columns=128,
        flip=False,  # its classes are directions
        anchor_scales=(0.5, 0.75, 1.0),
        anchor_base=48.0,
        anchor_offset=8.0,
        outside_anchors=True,
        rpn_channels=64,
        anchor_positive=0.5,
        anchor_sample=16,
        proposals=16,
        add_true_boxes=True,
        proposal_sample=16,
        proposal_share=0.5,
        least_score=0.02,
        detections=20,
        batch_size=8,
        clips_per_replica=8,
        steps=300,
        learning_rates=(0.03, 0.003),
        boundaries=(225,),
        norm_momentum=0.9,
    ),
)

RECIPES: dict[str, DetectionRecipe] = {recipe.name: recipe for recipe in _TABLE}


def recipe(name: str, **changes) -> DetectionRecipe:
    """The recipe called `name` with some fields changed.

    Raises:
        ValueError: no such recipe, or a value out of range.
    """
    if name not in RECIPES:
        raise ValueError(f"Unknown recipe: choose one of {', '.join(RECIPES)}. Received: {name!r}")
    return dataclasses.replace(RECIPES[name], **changes)


def doubts(recipe: DetectionRecipe) -> list[str]:
    """What a user may have forgotten, a sentence each."""
    found = []
    if late := [boundary for boundary in recipe.boundaries if boundary >= recipe.steps]:
        found.append(f"the learning rate changes at {', '.join(map(str, late))}, after the last step: set --boundaries")
    fresh = [stream for stream in recipe.streams if not recipe.start(stream)]
    fresh += [] if recipe.backbone_weights else [recipe.backbone]
    if recipe.freeze_norms and fresh:
        found.append(f"batch norms are frozen, but {' and '.join(fresh)} start from fresh weights: name their weights")
    return found
