"""What runs on an avatar host. Imports `protocol`, never Django or the apps."""

import os

# ONNX Runtime, which voices and models run on, reports to Microsoft where nobody tells it not to.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
