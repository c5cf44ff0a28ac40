from edgecls_bench.profiling.marks import (
    CONVERTS,
    FLOAT,
    FLOAT_LAYER,
    NOT_DELEGATED,
    Facts,
    advise,
    float_islands,
)
from edgecls_bench.profiling.record import Operation

INT8 = Facts(takes="int8", gives="int8", is_weighted=True)
FLOAT32 = Facts(takes="float32", gives="float32", is_weighted=True)
ACTIVATION = Facts(takes="float32", gives="float32", is_weighted=False)
TO_FLOAT = Facts(takes="int8", gives="float32", is_weighted=False)
TO_INT8 = Facts(takes="float32", gives="int8", is_weighted=False)


def operation(op, share, reason=""):
    return Operation(
        name="x",
        tensor="x",
        op=op,
        shape=(1,),
        precision="int8",
        p50_us=1.0,
        share=share,
        is_fast_path=not reason,
        reason=reason,
    )


def test_a_float_model_has_no_islands():
    assert float_islands([FLOAT32, ACTIVATION, FLOAT32]) == ["", "", ""]


def test_float_ends_of_an_int8_model_are_meant_to_be_so():
    assert float_islands([ACTIVATION, TO_INT8, INT8, INT8, TO_FLOAT, ACTIVATION]) == [""] * 6


def test_a_layer_in_float_is_marked_wherever_it_is():
    assert float_islands([FLOAT32, TO_INT8, INT8]) == [FLOAT_LAYER, CONVERTS, ""]
    assert float_islands([INT8, TO_FLOAT, FLOAT32]) == ["", CONVERTS, FLOAT_LAYER]


def test_what_is_float_between_int8_operations_is_marked_with_its_conversions():
    found = float_islands([INT8, TO_FLOAT, ACTIVATION, TO_INT8, INT8])
    assert found == ["", CONVERTS, FLOAT, CONVERTS, ""]


def test_advice_names_the_costliest_reason_first_and_lets_small_ones_be():
    found = advise(
        [
            operation("CONV_2D", 0.5),
            operation("QUANTIZE", 0.02, CONVERTS),
            operation("HARD_SWISH", 0.3, NOT_DELEGATED),
            operation("HARD_SWISH", 0.18, NOT_DELEGATED),
        ]
    )
    assert found[0].startswith("not in XNNPACK: 2 HARD_SWISH, 48.0 % of the time.")
    assert "float32 file" in found[0]
    assert found[1].endswith("Too little to be worth a change.")


def test_pixels_that_are_turned_into_the_models_type_need_no_other_backbone():
    (sentence,) = advise([operation("QUANTIZE", 0.1, NOT_DELEGATED), operation("CONV_2D", 0.9)])
    assert "pixels as they are" in sentence


def test_a_runtime_that_gives_nothing_to_xnnpack_is_the_reason_itself():
    (sentence,) = advise([operation("CONV_2D", 0.5, NOT_DELEGATED)] * 2)
    assert "the backend litert" in sentence.lower()
