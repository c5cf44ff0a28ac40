import pytest
from edgecls_device.errors import MissingDependencyError, OptionError, SourceError
from edgecls_device.sources.gstreamer import has_gstreamer
from edgecls_device.sources.table import open_source
from edgecls_device.stop import Stop

needs_gstreamer = pytest.mark.skipif(
    not has_gstreamer(), reason="this OpenCV was built without GStreamer, as pip's is"
)


def test_a_pipeline_without_appsink_is_refused():
    with pytest.raises(OptionError, match="ends in appsink"):
        open_source("gstreamer:videotestsrc ! fakesink")


@pytest.mark.skipif(has_gstreamer(), reason="this OpenCV has GStreamer")
def test_an_opencv_without_gstreamer_says_where_there_is_one():
    with pytest.raises(MissingDependencyError, match="pip's has none") as caught:
        open_source("gstreamer:videotestsrc ! appsink")
    assert "apt install python3-opencv" in caught.value.hint


@needs_gstreamer
def test_a_pipeline_is_a_live_source():
    caps = "video/x-raw,format=BGR,width=64,height=48,framerate=30/1"
    source = open_source(f"gstreamer:videotestsrc is-live=true ! {caps} ! appsink")
    while (frame := source.read(Stop())) is None:
        pass
    source.close()
    assert frame.image.shape == (48, 64, 3)
    assert source.description == "GStreamer 64x48 at 30 fps"


@needs_gstreamer
def test_a_pipeline_is_never_given_to_a_shell(tmp_path):
    touched = tmp_path / "touched"
    with pytest.raises(SourceError, match="pipeline that starts"):
        open_source(f"gstreamer:videotestsrc ! appsink; touch {touched} $(touch {touched})")
    assert not touched.exists()
