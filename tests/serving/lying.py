"""A server that tells about itself, and answers, what a test wants."""

import json

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc


def described(**changes):
    good = dict(labels=["a", "b"], streams={"rgb": dict(resize=[40, 40], crop=32)}, max_frames=100)
    return json.dumps(good | changes)


class Lying(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Tells about itself what a test wants, and answers with tensors that it wants."""

    def __init__(self, info, outputs, code=None):
        self.info, self.outputs, self.code, self.calls, self.gone = info, outputs, code, 0, False
        self.before_answer = lambda: None

    def Predict(self, request, context):  # noqa: N802
        self.calls += 1
        if self.code:
            context.abort(self.code, "so it is")
        if self.gone and request.model_spec.signature_name != "info":
            context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
        self.before_answer()
        answer = predict_pb2.PredictResponse()
        outputs = {"info": self.info} if request.model_spec.signature_name == "info" else self.outputs
        for name, value in outputs.items():
            proto = value if hasattr(value, "tensor_shape") else tf.make_tensor_proto(value)
            answer.outputs[name].CopyFrom(proto)
        return answer
