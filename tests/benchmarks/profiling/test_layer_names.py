import pytest
from edgecls_bench.profiling.layer_names import LayerNames, shortened

TRACED = (
    "classifier_1/stem_conv_1/convolution;classifier_1/stem_bn_1/batchnorm/sub1",
    "classifier_1/block0_depthwise_bn_1/batchnorm/mul;classifier_1/block0_depthwise_conv_1/depthwise",
    "classifier_1/block0_add_1/Add",
    "classifier_1/conv2d_1_2/BiasAdd;classifier_1/conv2d_1_2/convolution",
    "classifier_1/features_1/Mean:0",
    "tfl.quantize",
)
PLAIN = ("stem/convolution", "block_1/convolution", "block_1/Relu", "block_2/convolution")
NESTED = (
    "pets_1/backbone_1/stem_1/convolution",
    "pets_1/backbone_1/block_1/convolution",
    "pets_1/backbone_1/pool_1/Mean",
    "pets_1/logits_1/MatMul",
)


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (TRACED[:1], "stem_conv"),
        (TRACED[1:2], "block0_depthwise_conv"),
        (TRACED[2:3], "block0_add"),
        (TRACED[3:4], "conv2d_1"),
        (TRACED[4:5], "features"),
        (TRACED[5:], "tfl.quantize"),
        (("Conv__7", "classifier_1/stem_relu_1/Relu6:0", TRACED[0]), "stem_conv"),
        (("Conv__7_token_3_kernel_time",), "Conv__7"),
    ],
)
def test_a_traced_model_gives_the_names_of_its_layers(names, wanted):
    assert LayerNames(TRACED).layer(*names) == wanted


def test_numbers_that_belong_to_layers_stay():
    names = LayerNames(PLAIN)
    assert [names.layer(name) for name in PLAIN] == ["stem", "block_1", "block_1", "block_2"]


def test_scopes_of_models_inside_of_models_are_left_out():
    names = LayerNames(NESTED)
    assert [names.layer(name) for name in NESTED] == ["stem", "block", "pool", "logits"]


def test_a_layer_that_computes_in_several_steps_is_no_scope():
    names = LayerNames(
        [
            *("net_1/stem_1/convolution", "net_1/block_1/convolution", "net_1/logits_1/MatMul"),
            *("net_1/flatten_1/Reshape/shape", "net_1/flatten_1/strided_slice/stack"),
        ]
    )
    assert names.layer("net_1/flatten_1/Reshape/shape") == "flatten"
    assert names.layer("net_1/stem_1/convolution") == "stem"


def test_long_names_keep_their_beginning_and_their_end():
    short = shortened("a" * 50 + "z" * 50)
    assert len(short) == 40
    assert short.startswith("aaa")
    assert short.endswith("zzz")
    assert shortened("stem") == "stem"
