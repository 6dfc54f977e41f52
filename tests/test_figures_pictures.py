"""Pictures as figures draw them: grey or in colour, in millimetres or in pixels."""

import io

import numpy as np
import plotly.graph_objects as go
import pytest
from PIL import Image

from dashboard.figures.pictures import as_drawn, draw_picture, side_of_squares, thumbnail
from minspnet.whatif import stands_free

RNG = np.random.default_rng(0)
GREY, COLOUR = RNG.random((30, 28)), RNG.random((30, 28, 3))


def test_channels_come_last_and_grey_has_none() -> None:
    inputs = np.moveaxis(COLOUR, 2, 0)
    np.testing.assert_array_equal(as_drawn(inputs), COLOUR)
    assert as_drawn(inputs[:1]).shape == (30, 28)


@pytest.mark.parametrize(("side_mm", "unit", "end"), [(40, "mm", 40), (0, "pixels", 28)])
@pytest.mark.parametrize("image", [GREY, COLOUR])
def test_places_are_told_in_millimetres_if_known(
    image: np.ndarray, side_mm: float, unit: str, end: float
) -> None:
    figure = draw_picture(image, None, side_mm)
    (trace,) = figure.data
    step = end / 28
    assert figure.layout.xaxis.title.text == unit and unit in trace.hovertemplate
    if image.ndim == 2:
        np.testing.assert_allclose(trace.x[[0, -1]], [step / 2, end - step / 2])
        np.testing.assert_allclose(trace.z, image, atol=5e-4)
    else:
        assert isinstance(trace, go.Image) and (trace.x0, trace.dx) == (step / 2, step)
        np.testing.assert_allclose(np.asarray(trace.z) / 255, image, atol=0.002)


def test_under_an_overlay_colours_are_grey_so_that_colour_is_the_methods_alone() -> None:
    below, above = draw_picture(COLOUR, RNG.normal(size=(30, 28)), 0).data
    np.testing.assert_allclose(below.z, COLOUR @ [0.299, 0.587, 0.114], atol=1e-3)
    np.testing.assert_array_equal(below.x, above.x)


@pytest.mark.parametrize("image", [GREY, COLOUR])
def test_thumbnails_keep_every_pixel(image: np.ndarray) -> None:
    shown = np.asarray(Image.open(io.BytesIO(thumbnail(image, 3))))
    np.testing.assert_allclose(shown[1::3, 1::3] / 255, image, atol=0.002)


def test_squares_are_told_in_the_same_unit() -> None:
    assert side_of_squares(GREY, 0) == "4 pixels" and side_of_squares(GREY, 14) == "2 mm"


def test_a_colour_picture_stands_free_if_no_channel_touches_the_edge() -> None:
    picture = np.zeros((9, 9, 3))
    picture[4, 4, 1] = 1
    assert stands_free(picture)
    picture[0, 4, 2] = 1
    assert not stands_free(picture)
