import pytest

from __MODULE__ import Turtle


def test_calls_are_chained_and_end_where_they_lead():
    turtle = Turtle().forward(30).left(90).forward(40)
    assert turtle.position == pytest.approx((30, 40))
    assert len(turtle) == 2


def test_a_property_can_be_set():
    turtle = Turtle()
    turtle.heading = 180
    assert turtle.forward(5).position == pytest.approx((-5, 0))


def test_a_polygon_ends_where_it_began():
    assert Turtle.polygon(7, 10).position == pytest.approx((0, 0))
    with pytest.raises(ValueError, match="at least 3"):
        Turtle.polygon(2, 10)


def test_it_says_where_it_is_and_draws_itself():
    assert repr(Turtle()) == "Turtle at (0.0, 0.0), looking to 0°"
    assert Turtle.polygon(4, 10)._repr_svg_().count(",") == 5
