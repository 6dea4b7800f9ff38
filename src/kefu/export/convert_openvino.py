"""Runs inside the converter environment (never imported by kefu): a Hugging Face folder to OpenVINO.

usage: convert_openvino.py MODEL OUT PRECISION
Writes OUT/fp32/openvino_model.{xml,bin} and, for int8, OUT/int8/ likewise: 8-bit weights per output
channel, asymmetric, embeddings included (nncf's INT8_ASYM); no data is needed for it.
The last line of output is a JSON object with seconds and versions.
"""

import json
import sys
import time
import warnings
from pathlib import Path


def main(model: str, out: str, precision: str) -> None:
    started = time.monotonic()
    warnings.simplefilter("ignore")
    import nncf  # type: ignore[import-not-found]
    import openvino
    import transformers
    from optimum.intel import OVModelForCausalLM  # type: ignore[import-not-found]
    from optimum.intel.version import __version__ as optimum_intel  # type: ignore[import-not-found]

    transformers.utils.logging.set_verbosity_error()
    imported = time.monotonic()
    # load_in_8bit False: models above 1B would else be quantised here already, and the fp32 gate would compare int8.
    exported = OVModelForCausalLM.from_pretrained(model, export=True, use_cache=True, stateful=True, compile=False, load_in_8bit=False)
    full = Path(out) / "fp32"
    full.mkdir(parents=True)
    exported.save_pretrained(str(full))
    converted = time.monotonic()
    if precision == "int8":
        (Path(out) / "int8").mkdir()
        plain = openvino.Core().read_model(str(full / "openvino_model.xml"))
        small = nncf.compress_weights(plain, mode=nncf.CompressWeightsMode.INT8_ASYM)
        openvino.save_model(small, str(Path(out) / "int8" / "openvino_model.xml"), compress_to_fp16=False)
    done = time.monotonic()
    facts = {
        "seconds": {"import": round(imported - started, 1), "convert": round(converted - imported, 1), "quantise": round(done - converted, 1)},
        "versions": {
            "openvino": openvino.__version__,
            "nncf": nncf.__version__,
            "optimum-intel": optimum_intel,
            "transformers": transformers.__version__,
        },
    }
    print()
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:4])
