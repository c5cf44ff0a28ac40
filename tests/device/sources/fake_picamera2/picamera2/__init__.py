"""NOT picamera2: a stand-in with the calls that edgecls makes, as the manual of picamera2 0.3 describes them.

It cannot show that a real camera works. What it plays is told in the environment: FAKE_PICAMERAS, a number.
"""

import os
import time

import numpy as np


class Picamera2:
    @staticmethod
    def global_camera_info():
        count = int(os.environ.get("FAKE_PICAMERAS", "1"))
        return [{"Model": "imx708", "Num": i, "Location": 2, "Rotation": 180} for i in range(count)]

    def __init__(self, camera_num=0):
        if os.environ.get("FAKE_PICAMERA_BUSY"):
            message = "Camera __init__ sequence did not complete."
            raise RuntimeError(message)
        self.number = camera_num
        self.camera_controls = {"FrameDurationLimits": (17_849, 1_000_000, 33_333)}
        self.config = None
        self.is_started = False

    def create_video_configuration(self, main, controls):
        return {"main": dict(main), "controls": controls}

    def configure(self, config):
        width, height = config["main"]["size"]
        assert config["main"]["format"] == "RGB888"
        config["main"]["size"] = (width - width % 2, height - height % 2)
        self.config = config

    def camera_configuration(self):
        return self.config

    def start(self):
        self.is_started = True

    def capture_array(self, name):
        assert self.is_started
        assert name == "main"
        time.sleep(1 / self.config["controls"]["FrameRate"])
        width, height = self.config["main"]["size"]
        padded = np.zeros((height, width + 32, 3), np.uint8)
        padded[:, :, 0] = 200  # "RGB888" has blue first in memory
        return padded[:, :width]

    def stop(self):
        self.is_started = False

    def close(self):
        pass
