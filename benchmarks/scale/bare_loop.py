"""What a user would write without edgecls: plain processes that decode, resize and invoke, each its own shards.

    python benchmarks/scale/bare_loop.py model.int8.tflite shards/ --processes 2

Nothing is compared or kept: what ``edgecls compare`` takes beyond this is its own cost, and that of the exact
resize, which is the same on all processors where OpenCV's usual one is not.
"""

import argparse
import multiprocessing
import tarfile
from pathlib import Path

import cv2
import numpy as np

PHOTOS = (".jpg", ".jpeg", ".png")


def main() -> None:
    parser = argparse.ArgumentParser(description="Decode, resize and invoke in plain processes.")
    parser.add_argument("model", type=Path, help="a .tflite file that takes uint8")
    parser.add_argument("shards", type=Path, help="a folder of tar files")
    parser.add_argument("--processes", type=int, default=1)
    options = parser.parse_args()
    shards = sorted(options.shards.glob("*.tar"))
    shares = [(options.model, shards[i :: options.processes]) for i in range(options.processes)]
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        print(sum(pool.starmap(look, shares, chunksize=1)))


def look(model: Path, shards: list[Path]) -> int:
    """Look at all photos of some shards; return how many there were."""
    from ai_edge_litert.interpreter import Interpreter

    cv2.setNumThreads(1)
    interpreter = Interpreter(model_path=str(model), num_threads=1)
    interpreter.allocate_tensors()
    feed, fetch = interpreter.get_input_details()[0], interpreter.get_output_details()[0]["index"]
    _, height, width, _ = feed["shape"]
    count = 0
    for shard in shards:
        with tarfile.open(shard, "r|") as archive:
            for member in archive:
                if not member.name.lower().endswith(PHOTOS):
                    continue
                data = np.frombuffer(archive.extractfile(member).read(), np.uint8)
                pixels = cv2.resize(cv2.imdecode(data, cv2.IMREAD_COLOR), (width, height))
                interpreter.set_tensor(feed["index"], cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)[None])
                interpreter.invoke()
                interpreter.get_tensor(fetch)[0].argmax()
                count += 1
    return count


if __name__ == "__main__":
    main()
