import pytest

from __MODULE__ import Turtle


def test_calls_can_be_chained():
    turtle = Turtle().forward(30).left(90).forward(40)
    assert turtle.position == pytest.approx((30, 40))
    assert len(turtle) == 2


def test_heading_can_be_set():
    turtle = Turtle()
    turtle.heading = 180
    assert turtle.forward(5).position == pytest.approx((-5, 0))


def test_polygon_is_closed():
    assert Turtle.polygon(7, 10).position == pytest.approx((0, 0))
    with pytest.raises(ValueError, match="at least 3"):
        Turtle.polygon(2, 10)


def test_repr_and_picture():
    assert repr(Turtle()) == "Turtle at (0.0, 0.0), facing 0°"
    assert Turtle.polygon(4, 10)._repr_svg_().count(",") == 5
