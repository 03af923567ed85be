"""A runtime for MLServer, which brings none for ONNX: serves the file that `uri` in model-settings.json names.

    python -m export large runs/digits
    build/mlserver/bin/mlserver start tests/mlserver_runtime        # http://127.0.0.1:8080/v2/models/digits

Runs in MLServer's environment (`mlserver` and `onnxruntime`), not in ours; tests/host/test_mlserver.py says how to get
one.
"""

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse
from mlserver.utils import get_model_uri


class OnnxRuntime(MLModel):
    async def load(self) -> bool:
        path = await get_model_uri(self._settings)
        self._session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        values = {tensor.name: NumpyCodec.decode_input(tensor) for tensor in payload.inputs}
        names = [tensor.name for tensor in payload.outputs or self._session.get_outputs()]
        answers = self._session.run(names, values)
        outputs = [NumpyCodec.encode_output(name, answer) for name, answer in zip(names, answers, strict=True)]
        return InferenceResponse(model_name=self.name, model_version=self.version, outputs=outputs)
