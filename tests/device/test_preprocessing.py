import cv2
import numpy as np
import pytest
from edgecls_device.errors import FrameError
from edgecls_device.preprocessing import PAD_VALUE, Preprocessor, plan, resize
from edgecls_device.spec import InputTensor, Preprocessing


def test_crop_takes_the_centred_square_times_its_fraction():
    steps = plan((480, 640), Preprocessing(height=224, width=224, crop_fraction=0.875))
    assert (steps.top, steps.left, steps.box, steps.halvings) == (30, 110, (420, 420), 0)


def test_a_large_photo_is_halved_exactly_before_the_last_step():
    steps = plan((3000, 4000), Preprocessing(height=224, width=224))
    assert steps.halvings == 3
    assert steps.box[0] % 8 == 0
    assert steps.box[0] <= 3000


def test_halving_is_the_mean_of_four_pixels():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    got = resize(frame, Preprocessing(height=32, width=32))
    blocks = frame.reshape(32, 2, 32, 2, 3).astype(np.int32).sum(axis=(1, 3))
    assert np.abs(got[:, :, ::-1].astype(int) * 4 - blocks).max() <= 2


def test_stretch_uses_the_whole_frame():
    steps = plan((100, 300), Preprocessing(height=50, width=50, resize="stretch"))
    assert (steps.top, steps.left, steps.size) == (0, 0, (50, 50))


def test_letterbox_keeps_the_aspect_ratio_and_pads_with_grey():
    frame = np.full((50, 100, 3), 255, np.uint8)
    out = resize(frame, Preprocessing(height=100, width=100, resize="letterbox"))
    assert (out[:25] == PAD_VALUE).all()
    assert (out[25:75] == 255).all()
    assert (out[75:] == PAD_VALUE).all()


def test_the_model_sees_rgb():
    frame = np.zeros((10, 10, 3), np.uint8)
    frame[..., 2] = 200  # red in BGR
    out = resize(frame, Preprocessing(height=10, width=10))
    assert out[0, 0].tolist() == [200, 0, 0]


@pytest.mark.parametrize("size", [(1, 1), (1, 4000), (4000, 1), (3, 5), (481, 641)])
@pytest.mark.parametrize("rule", ["crop", "stretch", "letterbox"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_every_frame_size_becomes_the_input_size(size, rule, interpolation):
    how = Preprocessing(height=32, width=48, resize=rule, interpolation=interpolation)
    assert resize(np.zeros((*size, 3), np.uint8), how).shape == (32, 48, 3)


def test_the_preprocessor_follows_a_change_of_frame_size():
    prepare = Preprocessor(Preprocessing(height=8, width=8))
    prepare(np.zeros((20, 20, 3), np.uint8))
    assert (prepare(np.full((40, 60, 3), 9, np.uint8)) == 9).all()


def test_mean_std_layout_and_color_are_applied_for_other_models():
    tensor = InputTensor(dtype="float32", layout="nchw", color="bgr", mean=(127.5,), std=(127.5,))
    frame = np.zeros((4, 4, 3), np.uint8)
    frame[..., 0] = 255
    batch = Preprocessor(Preprocessing(height=4, width=4), tensor)(frame)
    assert batch.shape == (1, 3, 4, 4)
    assert batch.dtype == np.float32
    assert batch[0, :, 0, 0].tolist() == [1.0, -1.0, -1.0]


@pytest.mark.parametrize("size", [(300, 400), (480, 640), (1080, 1920), (225, 225), (97, 131)])
@pytest.mark.parametrize("color", ["rgb", "bgr"])
def test_the_last_step_is_that_of_opencv_on_three_channels(size, color):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    rule = Preprocessing(height=96, width=96)
    steps = plan(size, rule)
    image = frame[steps.top : steps.top + steps.box[0], steps.left : steps.left + steps.box[1]]
    for _ in range(steps.halvings):
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cv2.resize(image, half, interpolation=cv2.INTER_LINEAR_EXACT)
    image = cv2.resize(image, (96, 96), interpolation=cv2.INTER_LINEAR_EXACT)
    wanted = image[..., ::-1] if color == "rgb" else image
    assert (Preprocessor(rule, InputTensor(color=color))(frame)[0] == wanted).all()


@pytest.mark.parametrize("rule", ["crop", "stretch", "letterbox"])
@pytest.mark.parametrize("size", [(32, 48), (64, 96), (50, 70), (480, 640)])
def test_what_is_written_to_a_given_array_is_what_is_returned(rule, size):
    frame = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    prepare = Preprocessor(Preprocessing(height=32, width=48, resize=rule))
    given = np.zeros((1, 32, 48, 3), np.uint8)
    prepare.write(frame, lambda: given)
    assert (given == prepare(frame)).all()


def test_the_frame_itself_is_never_changed():
    frame = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    kept = frame.copy()
    Preprocessor(Preprocessing(height=32, width=48))(frame)
    assert (frame == kept).all()


@pytest.mark.parametrize("layout", ["nhwc", "nchw"])
@pytest.mark.parametrize(
    ("dtype", "mean", "std"),
    [
        ("float32", (0.0,), (255.0,)),
        ("float32", (123.7, 116.3, 103.5), (58.0, 57.0, 57.4)),
        ("float32", (), ()),
        ("uint8", (), ()),
        ("int8", (127.5,), (127.5,)),  # floats, which are quantized later
    ],
)
def test_values_that_were_worked_out_once_are_those_of_each_pixel(layout, dtype, mean, std):
    frame = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    rule = Preprocessing(height=32, width=32)
    wanted = Preprocessor(rule)(frame).copy()
    if mean:
        wanted = (wanted.astype(np.float32) - np.float32(mean)) / np.float32(std)
    elif dtype == "float32":
        wanted = wanted.astype(np.float32)
    if layout == "nchw":
        wanted = wanted.transpose(0, 3, 1, 2)
    got = Preprocessor(rule, InputTensor(dtype=dtype, layout=layout, mean=mean, std=std))(frame)
    assert got.dtype == wanted.dtype
    assert (got == wanted).all()


@pytest.mark.parametrize("shape", [(), (0,), (0, 0, 3)])
def test_what_is_no_picture_is_refused_as_the_first_frame_too(shape):
    with pytest.raises(FrameError):
        Preprocessor(Preprocessing(height=8, width=8))(np.zeros(shape, np.uint8))
